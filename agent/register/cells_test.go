package register

import (
	"fmt"
	"maps"
	"testing"
	"time"
)

// TestNobodyFindsAWithheldCellByWorkingBack makes every table of four cells up to
// a size and asks of each answer which tables give it: somebody who knows the
// rule, the names and the total must never be left with one number for a cell
// that is withheld and below five.
func TestNobodyFindsAWithheldCellByWorkingBack(t *testing.T) {
	const most = 11
	names := []string{"a", "b", "c", "d"}
	seen := map[string][][4]int{}
	for i := range most * most * most * most {
		table := [4]int{i % most, i / most % most, i / most / most % most, i / most / most / most}
		cells := map[string]int{}
		total := 0
		for j, n := range table {
			total += n
			if n > 0 {
				cells[names[j]] = n
			}
		}
		if total < smallCell {
			continue // nothing of it is told
		}
		before := maps.Clone(cells)
		left, together := withhold(cells)
		if left != len(before)-len(cells) || together > 0 && (together < smallCell || left < 2) {
			t.Fatalf("%v: %d cells withheld, %d in them", table, left, together)
		}
		for name, n := range cells {
			if n < smallCell || n != before[name] {
				t.Fatalf("%v: tells %d for %s", table, n, name)
			}
		}
		seen[fmt.Sprint(cells, together)] = append(seen[fmt.Sprint(cells, together)], table)
	}
	for told, tables := range seen {
		for j := range names {
			n, same := tables[0][j], true
			for _, table := range tables {
				same = same && table[j] == n
			}
			if same && n > 0 && n < smallCell {
				t.Errorf("%s: %s can only be %d (%d tables)", told, names[j], n, len(tables))
			}
		}
	}
	if len(seen) < 100 {
		t.Fatalf("%d answers: the tables are too small to show anything", len(seen))
	}
}

func TestWhatIsWithheldFromATable(t *testing.T) {
	for _, c := range []struct {
		cells map[string]int
		told  map[string]int
	}{
		{map[string]int{"a": 7}, map[string]int{"a": 7}},
		{map[string]int{"a": 5, "b": 6}, map[string]int{"a": 5, "b": 6}},
		{map[string]int{"a": 2}, map[string]int{}},
		{map[string]int{"a": 2, "b": 3, "c": 9}, map[string]int{"c": 9}},           // five of two cells
		{map[string]int{"a": 2, "b": 9}, map[string]int{}},                         // the cover of one small cell
		{map[string]int{"a": 2, "b": 9, "c": 50}, map[string]int{"c": 50}},         // is the least that can be
		{map[string]int{"a": 4, "b": 5, "c": 5, "d": 30}, map[string]int{"d": 30}}, // 4+5 beside a told 5 would say which
	} {
		got := maps.Clone(c.cells)
		if withhold(got); !maps.Equal(got, c.told) {
			t.Errorf("%v: tells %v, want %v", c.cells, got, c.told)
		}
	}
}

func TestWhoseNationalityIsCounted(t *testing.T) {
	for _, c := range []struct {
		person map[string]string
		want   string
	}{
		{map[string]string{"nationality": "Việt Nam"}, "VNM"},
		{map[string]string{"nationality": "VNM"}, "VNM"},
		{map[string]string{"idCode": "099099000017"}, "VNM"}, // from the card's code, which does not say it
		{map[string]string{"nationality": "fra", "idCode": ""}, "FRA"},
		{map[string]string{"nationality": "D"}, "D"},
		{map[string]string{"nationality": "người Pháp"}, "other"},
		{map[string]string{"idCode": "X0000001"}, "unknown"},
		{nil, "unknown"},
	} {
		if got := (&entry{Person: c.person}).nationality(); got != c.want {
			t.Errorf("%v: %s, want %s", c.person, got, c.want)
		}
	}
}

func TestCountsOfFewerThanFiveAreWithheld(t *testing.T) {
	d := open(t, t.TempDir(), Policy{Keeps: []string{"dateOfBirth"}, Retain: time.Hour, Closes: closes})
	for i := range 12 {
		reason := "tourism"
		if i >= 7 {
			reason = []string{"health", "study"}[i%2]
		}
		d.enter(t, person(fmt.Sprintf("v%d", i), Stays, fmt.Sprintf("0990990002%02d", i), map[string]string{"reason": reason}), uint64(i+1))
	}
	a, err := d.Aggregate(t.Context(), "clerk")
	if err != nil || a.Stays != 12 || len(a.Reason) != 1 || a.Reason["tourism"] != 7 || a.Age["18-34"] != 12 || a.Nights["open"] != 12 || a.Withheld != 2 {
		t.Errorf("Aggregate = %+v, %v", a, err)
	}
}
