package vision_test

import (
	"reflect"
	"strings"
	"testing"

	"tram/vision"
)

func TestLinesHaveTheirNameOrTheirNumber(t *testing.T) {
	got, err := vision.ParseLines([]string{"1,2,3,4", "cửa sau = 5,6,7,8.5", "9,9,9,0"})
	want := []vision.CountLine{
		{Name: "1", Line: [4]float64{1, 2, 3, 4}}, {Name: "cửa sau", Line: [4]float64{5, 6, 7, 8.5}}, {Name: "3", Line: [4]float64{9, 9, 9, 0}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	zones, err := vision.ParseZones([]string{"hall=0,0,10,0,10,10"})
	if err != nil || !reflect.DeepEqual(zones, []vision.CountZone{{Name: "hall", Points: [][2]float64{{0, 0}, {10, 0}, {10, 10}}}}) {
		t.Errorf("got %v, %v", zones, err)
	}
}

func TestPlacesThatAreNoneAreNamed(t *testing.T) {
	for _, c := range []struct {
		given []string
		want  string
	}{
		{[]string{""}, "want x1,y1,x2,y2"},
		{[]string{"=1,2,3,4"}, "is empty"},
		{[]string{"a=1,2,3,4", "a=2,2,3,4"}, "twice"},
		{[]string{"2=1,2,3,4", "1,2,3,5"}, "twice"},
		{[]string{strings.Repeat("a", 41) + "=1,2,3,4"}, "printable"},
		{[]string{"a\ab=1,2,3,4"}, "printable"},
		{[]string{"a=1,2,1,2"}, "same point"},
		{[]string{"a=1,2,3,x"}, "not a coordinate"},
		{[]string{"a=b=1,2,3,4"}, "not a coordinate"},
	} {
		if _, err := vision.ParseLines(c.given); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q in it", c.given, err, c.want)
		}
	}
	if _, err := vision.ParseZones([]string{"z=1,1,2,2"}); err == nil {
		t.Error("a zone of two corners was taken")
	}
}

func FuzzParseLines(f *testing.F) {
	f.Add("1,2,3,4")
	f.Add("a=1,2,3,4")
	f.Add("hall=0,0,10,0,10,10")
	f.Fuzz(func(t *testing.T, s string) {
		lines, err := vision.ParseLines([]string{s, s})
		if err == nil && len(lines) != 2 {
			t.Errorf("%d lines of two", len(lines))
		}
		_, _ = vision.ParseZones([]string{s})
	})
}
