package configs

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestDefaultFileHoldsEveryKeyWithItsDefault(t *testing.T) {
	var read Config // not Default(): a key left out of the file must show
	lines, problems := Decode("default.yaml", DefaultYAML, &read)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if want := Default(); !reflect.DeepEqual(read, want) {
		t.Errorf("default.yaml reads as\n%+v\nDefault() is\n%+v", read, want)
	}
	for _, key := range keysOf(reflect.TypeFor[Config](), "") {
		if lines[key] == 0 {
			t.Errorf("default.yaml has no key %s", key)
		}
	}
}

func keysOf(t reflect.Type, prefix string) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + f.Tag.Get("yaml")
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(f.Type, key+".")...)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tram.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAllMistakesAreReportedAtOnceWithLineAndRemedy(t *testing.T) {
	path := write(t, `device:
  name: Kiosk Nr. 1
scaner:
  path: /dev/ttyACM0
kiosk:
  listen: 0.0.0.0:8600
  idle: soon
hub:
  broker: http://hub
outbox:
  max-mib: many
`)
	_, err := Load(path)
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("Load: %v, want Problems", err)
	}
	want := map[string]int{"device.name": 2, "scaner": 3, "kiosk.listen": 6, "kiosk.idle": 7, "hub.broker": 9, "outbox.max-mib": 11}
	for _, p := range problems {
		line, ok := want[p.Key]
		if !ok {
			t.Errorf("unexpected problem %v", p)
			continue
		}
		if p.Line != line || p.File != path || p.Remedy == "" || p.Text == "" {
			t.Errorf("%s: got %+v, want line %d, the file, a text and a remedy", p.Key, p, line)
		}
		delete(want, p.Key)
	}
	for key := range want {
		t.Errorf("no problem reported for %s; got\n%v", key, problems)
	}
	if !strings.Contains(problems.Error(), `device.name`) {
		t.Errorf("Error() = %q", problems.Error())
	}
}

func TestValuesThatCannotWorkAreProblems(t *testing.T) {
	for text, key := range map[string]string{
		"outbox: {max-mib: 99999999999999}":                    "outbox.max-mib",
		"outbox: {max-mib: 1}":                                 "outbox.max-mib",
		"kiosk: {listen: 127.0.0.1:99999}":                     "kiosk.listen",
		"kiosk: {listen: 10.0.0.1:8600}":                       "kiosk.listen",
		"gate: {source: x, line: [1, 2, 3, .nan]}":             "gate.line",
		"gate: {source: x, line: [1, 2, 3, .inf]}":             "gate.line",
		"gate: {source: x, line: [a, b]}":                      "gate.line",
		"gate: {source: x, line: [1, 2, 3, 4], detector: eye}": "gate.detector",
		"device: {site: hub}":                                  "device.site",
		"log: {level: loud}":                                   "log.level",
		"scanner: {baud: 12345}":                               "scanner.baud",
	} {
		_, err := Load(write(t, text+"\n"))
		var problems Problems
		if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Key != key || problems[0].Line != 1 || problems[0].Remedy == "" {
			t.Errorf("%s: %+v, want one problem of %s", text, err, key)
		}
	}
}

func TestAMisspelledKeyIsAnsweredWithTheRightOne(t *testing.T) {
	_, err := Load(write(t, "scaner: {}\n"))
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Remedy != `did you mean "scanner"?` {
		t.Errorf("got %+v", problems)
	}
}

func TestAnEmptyFileIsTheDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "device:\n"} {
		c, err := Load(write(t, text))
		if err != nil || !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

func TestFilesThatAreNotConfigurationsGiveAProblem(t *testing.T) {
	for _, text := range []string{"{", "- a\n- b\n", "device: x\n", "a: &x [*x]\n", "device: {name: a, name: b}\n", strings.Repeat("#", maxBytes+1)} {
		_, err := Load(write(t, text))
		var problems Problems
		if !errors.As(err, &problems) {
			t.Errorf("%.30q: %v, want Problems", text, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestStateFolderFollowsTheEnvironment(t *testing.T) {
	t.Setenv("TRAM_STATE", "/somewhere")
	t.Setenv("TRAM_MODELS", "")
	c := Default()
	if got := c.StateDir(); got != "/somewhere" {
		t.Errorf("StateDir() = %q", got)
	}
	if got := c.ModelsDir(); got != "/somewhere/models" {
		t.Errorf("ModelsDir() = %q", got)
	}
	c.State = "/elsewhere"
	if got := c.TrustDir(); got != "/elsewhere/trust" {
		t.Errorf("TrustDir() = %q", got)
	}
	if got := c.HubKeyPath(); got != "/elsewhere/hub.pub.jwk" {
		t.Errorf("HubKeyPath() = %q", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(DefaultYAML)
	f.Add([]byte("device: {name: [1]}"))
	f.Add([]byte("a: &x {b: *x}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := Default()
		lines, _ := Decode("f", data, &c)
		_ = c.check("f", lines, nil)
	})
}

func TestAHubPushesWhatIsNotTheDevicesOwn(t *testing.T) {
	base := Default()
	base.Device.Name = "desk-1"
	next, err := base.Pushed([]byte("kiosk: {idle: 30s}\nhub: {broker: ssl://hub.example.vn:8883}\n"))
	if err != nil || next.Kiosk.Idle.Value().Seconds() != 30 || next.Hub.Broker != "ssl://hub.example.vn:8883" || next.Device.Name != "desk-1" {
		t.Errorf("Pushed = %+v, %v", next, err)
	}
	for _, text := range []string{
		"device: {name: other}", "device: {key: \"file:x\"}", "state: /tmp/x", "trust: /tmp/x", "vision: {worker: /bin/sh}",
		"hub: {key: /tmp/key}", "kiosk: {listen: 0.0.0.0:80}", "unknown: 1", "{", "log: {level: loud}",
	} {
		got, err := base.Pushed([]byte(text + "\n"))
		var problems Problems
		if !errors.As(err, &problems) || !reflect.DeepEqual(got, base) {
			t.Errorf("%s: %v, want problems and nothing changed", text, err)
		}
	}
}

func TestADumpReadsBackAndHoldsNoPassword(t *testing.T) {
	c := Default()
	c.Device.Name = "desk-1"
	c.Camera.Source = "rtsp://guard:s3cret@10.0.0.7/1"
	b, err := c.Dump()
	if err != nil || strings.Contains(string(b), "s3cret") || strings.Contains(string(b), "guard") {
		t.Fatalf("%v\n%s", err, b)
	}
	back, err := Config{}.Overlay("dump", b)
	c.Camera.Source = "rtsp://[removed]@10.0.0.7/1"
	if err != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("reads back as %+v, %v", back, err)
	}
}
