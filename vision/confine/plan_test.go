package confine_test

import (
	"reflect"
	"testing"

	"tram/vision/confine"
)

func TestAPlanArrivesAsItWasSent(t *testing.T) {
	want := confine.Plan{
		User: &confine.User{Name: "nobody", UID: 65534, GID: 65534, Groups: []int{44}}, Read: []string{"/a b", "/ă"},
		Devices: []string{"/dev/video0"}, Network: true, Memory: 5,
	}
	if got, err := confine.Parse(want.String()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Parse(String()) = %+v, %v; want %+v", got, err, want)
	}
	if _, err := confine.Parse("no plan"); err == nil {
		t.Error("a text that is no plan was taken")
	}
}

func TestMissingLayersAreNamedWithTheReason(t *testing.T) {
	got := confine.Missing([]confine.Layer{{Name: "user", On: true}, {Name: "landlock", Detail: "the kernel has none"}})
	if len(got) != 1 || got[0] != "landlock (the kernel has none)" {
		t.Errorf("Missing() = %q", got)
	}
}
