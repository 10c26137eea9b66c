package kiosk_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tram/agent/kiosk"
)

func tables(t *testing.T) map[string]map[string]string {
	t.Helper()
	out := make(map[string]map[string]string)
	for name, body := range kiosk.AssetNames() {
		if !strings.HasPrefix(name, "lang/") {
			continue
		}
		var raw map[string]any
		if err := json.Unmarshal(body, &raw); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		table := make(map[string]string)
		for key, value := range raw {
			if text, ok := value.(string); ok {
				table[key] = text
			}
		}
		out[strings.TrimSuffix(strings.TrimPrefix(name, "lang/"), ".json")] = table
	}
	return out
}

func TestVietnameseComesFirstAndEachLanguageIsListed(t *testing.T) {
	var list []kiosk.Language
	if err := json.Unmarshal(kiosk.AssetNames()["languages.json"], &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != len(tables(t)) || list[0].Code != "vi" || list[1].Code != "en" {
		t.Errorf("languages: got %+v, want vi, en and each table once", list)
	}
}

func TestVietnameseAndEnglishAreCompleteAndGapsAreTheSame(t *testing.T) {
	all := tables(t)
	gap := regexp.MustCompile(`\{\w+\}`)
	gaps := func(s string) []string { g := gap.FindAllString(s, -1); slices.Sort(g); return g }
	for code, table := range all {
		for key, text := range all["vi"] {
			switch got, ok := table[key]; {
			case !ok && code != "vi" && code != "en": // the screen shows the Vietnamese text
			case !ok || got == "":
				t.Errorf("%s: no text for %s", code, key)
			case !slices.Equal(gaps(got), gaps(text)):
				t.Errorf("%s: %s: got gaps %v, want %v", code, key, gaps(got), gaps(text))
			}
		}
		for key := range table {
			if _, ok := all["vi"][key]; !ok {
				t.Errorf("%s: %s is in no other table", code, key)
			}
		}
	}
}

// A person is addressed as Ông/Bà and asked with Xin, everywhere alike.
func TestThePersonIsAddressedInOneWay(t *testing.T) {
	other := regexp.MustCompile(`(?i)(^|[^\pL])(bạn|quý khách|vui lòng|hãy|anh/chị)([^\pL]|$)`)
	for key, text := range tables(t)["vi"] {
		if found := other.FindString(text); found != "" {
			t.Errorf("%s says %q", key, strings.TrimSpace(found))
		}
	}
}

func TestEveryCodeTheScreenCanMeetHasWords(t *testing.T) {
	table := tables(t)["vi"]
	for prefix, codes := range map[string][]string{
		"check.":     {"hashes", "sodSignature", "chain", "chipAuthentication", "activeAuthentication", "crossCheck", "face", "online"},
		"status.":    {"ok", "trusted", "failed", "unknown_ca", "expired", "revoked", "not_supported", "not_done", "unsure"},
		"assurance.": {"none", "declared", "qr", "chip", "chip-trusted", "chip-genuine"},
		"way.":       {"accepted", "sent", "delivered"},
		"hub.":       {"connected", "offline", "hub-down"},
		"device.":    {"missing", "ready", "busy", "failed"},
		"guide.":     {"look_straight", "turn_left", "turn_right", "come_closer", "too_dark", "too_bright", "hold_still", "two_people", "face_covered", "no_face"},
		"problem.":   {"required", "format", "range", "unknown_choice"},
		"alarm.":     {"twice_boarded", "not_on_list", "twice_admitted", "wrong_room", "stay_open", "not_allowed", "passback", "clock_unsynced"},
		"demo.":      {"scan-qr", "lay-card", "take-card", "lay-tampered-card", "lay-wrong-card", "scan-wrong", "hub-stop", "hub-start"},
	} {
		for _, code := range codes {
			if table[prefix+code] == "" {
				t.Errorf("no words for %s%s", prefix, code)
			}
		}
	}
	for _, code := range failures {
		for _, part := range []string{".title", ".what", ".next"} {
			if table["failed."+code+part] == "" {
				t.Errorf("no words for failed.%s%s", code, part)
			}
		}
	}
}

var failures = []string{
	"wrong_can", "card_removed", "card_error", "not_an_id_card", "bad_qr", "verification_failed",
	"signer_not_valid", "chip_copied", "other_person", "not_verifiable", "face_unsure", "face_not_done",
	"no_reader", "queue_full", "timeout", "assurance_too_low", "face_mismatch", "internal",
	"online_offline", "online_timeout", "online_refused", "no_register", "passage_annulled",
	"twice_boarded", "not_on_list", "twice_admitted", "wrong_room", "stay_open", "not_allowed", "passback", "no_gate",
}

// Nothing on a screen says "genuine" below chip-genuine.
func TestOnlyTheHighestAssuranceSaysGenuine(t *testing.T) {
	for code, words := range map[string]string{"vi": "chip thật", "en": "genuine"} {
		for key, text := range tables(t)[code] {
			if !strings.HasPrefix(key, "assurance.chip-genuine") && strings.Contains(strings.ToLower(text), words) {
				t.Errorf("%s: %s says %q", code, key, text)
			}
		}
	}
}

// A key that a module names must be in the tables: what is missing would be
// shown as the key itself.
func TestEveryTextThatAModuleNamesExists(t *testing.T) {
	named := regexp.MustCompile(`\bt\('([^']+)'`)
	table := tables(t)["vi"]
	seen := make(map[string]bool)
	for name, body := range kiosk.AssetNames() {
		for _, m := range named.FindAllStringSubmatch(string(body), -1) {
			seen[m[1]] = true
			if table[m[1]] == "" {
				t.Errorf("%s names the text %q, which is in no table", name, m[1])
			}
		}
	}
	if len(seen) < 30 {
		t.Errorf("found only %v", slices.Collect(maps.Keys(seen)))
	}
}
