package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/hub"
	"tram/hub/store"
	"tram/sync/wire"
)

func TestCountsOfStaysAreShownAndSummed(t *testing.T) {
	dir := t.TempDir()
	st, err := store.Open(filepath.Join(dir, hub.StoreFile))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC)
	for i, device := range []string{"house-1", "house-2"} {
		c := wire.NewStayCount()
		c.Profile, c.From, c.To, c.Stays = "lodging", day.AddDate(0, 0, i), day.AddDate(0, 0, i+1), 12
		c.Reason, c.Age, c.Nationality, c.Nights = map[string]int{"tourism": 7}, map[string]int{"18-34": 12}, map[string]int{"VNM": 12}, map[string]int{"1": 5, "2-6": 7}
		c.Withheld = map[string]int{"reason": 5}
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		event := wire.Event{SpecVersion: "1.0", ID: device, Source: wire.Source(device), Type: wire.TypeStaysCounted, Sequence: 1, Time: c.To, RecordedTime: c.To, BootID: "boot", Data: data}
		if _, err := st.Put(t.Context(), store.Arrivals{Items: []store.Item{{Device: device, Site: "x", Sealed: []byte(device), Events: []wire.Event{event}, First: 1, Last: 1}}}, day); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	code, out, errs := command("counts", "--json", "--data", dir)
	var got stayCounts
	if err := json.Unmarshal([]byte(out), &got); code != exitDone || err != nil {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
	}
	if len(got.Counts) != 2 || got.Counts[1].Device != "house-2" || got.Total.Stays != 24 || got.Total.Withheld["reason"] != 10 || !got.Total.From.Equal(day) || !got.Total.To.Equal(day.AddDate(0, 0, 2)) {
		t.Errorf("counts %+v", got)
	}
	if code, out, _ := command("counts", "house-2", "--data", dir); code != exitDone || strings.Contains(out, "house-1") || !strings.Contains(out, "tourism 7, withheld 5") || !strings.Contains(out, "2-6 7, 1 5") {
		t.Errorf("of one house: exit %d\n%s", code, out)
	}
	if code, out, _ := command("counts", "nobody", "--json", "--data", dir); code != exitDone || !strings.Contains(out, `"counts":[]`) {
		t.Errorf("of a device that sent none: exit %d\n%s", code, out)
	}
	_, out, _ = command("counts", "--data", dir)
	t.Log("\n" + out)
}
