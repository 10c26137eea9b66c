package face

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// ErrPairs is a list of pairs that cannot be read.
var ErrPairs = errors.New("not a list of pairs in the form of LFW")

// Picture is one picture of a person: number 3 of "A_B" is A_B/A_B_0003.jpg.
type Picture struct {
	Name   string
	Number int
}

// Listed is one pair of a list.
type Listed struct {
	A, B Picture
	Same bool
	Fold int
}

// maxPairs bounds a list.
const maxPairs = 1_000_000

// List is a list of pairs.
type List struct {
	Pairs     []Listed
	Folds     int // 0 where the list has none, or is not as long as its header says
	Announced int // pairs that the header calls for; 0 without one
}

// ReadPairs reads a list of pairs in the forms of LFW: pairs.txt, whose header
// names folds and pairs ("10 300": ten times 300 of one person and 300 of two), and
// pairsDevTest.txt with one number ("500"). A line holds a name and two numbers, or
// two names with a number each, apart by tabs, commas or blanks; in a line with tabs
// a name may hold the others.
func ReadPairs(r io.Reader) (List, error) {
	var list List
	lines := bufio.NewScanner(r)
	size, at := 0, 0
	for lines.Scan() {
		at++
		f := fields(strings.TrimPrefix(lines.Text(), "\ufeff"))
		switch {
		case len(f) == 0:
			continue
		case len(list.Pairs) == 0 && list.Announced == 0 && len(f) <= 2:
			folds, n, err := header(f)
			if err != nil {
				return List{}, fmt.Errorf("%w: line %d", ErrPairs, at)
			}
			size, list.Announced = n, 2*n*folds
			continue
		case len(list.Pairs) == maxPairs:
			return List{}, fmt.Errorf("%w: more than %d pairs", ErrPairs, maxPairs)
		}
		p, err := listed(f)
		if err != nil {
			return List{}, fmt.Errorf("%w: line %d: %w", ErrPairs, at, err)
		}
		list.Pairs = append(list.Pairs, p)
	}
	if err := lines.Err(); err != nil {
		return List{}, fmt.Errorf("read the list of pairs: %w", err)
	}
	if len(list.Pairs) == 0 {
		return List{}, fmt.Errorf("%w: it holds no pair", ErrPairs)
	}
	if list.Announced > 2*size && list.Announced == len(list.Pairs) {
		list.Folds = list.Announced / (2 * size)
		for i := range list.Pairs {
			list.Pairs[i].Fold = i / (2 * size)
		}
	}
	return list, nil
}

// fields takes a line apart.
func fields(line string) []string {
	by := func(r rune) bool { return unicode.IsSpace(r) || r == ',' }
	if strings.Contains(strings.TrimSpace(line), "\t") {
		by = func(r rune) bool { return r == '\t' }
	}
	var out []string
	for _, w := range strings.FieldsFunc(line, by) {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// header is the first line: folds and pairs of each, or pairs alone.
func header(f []string) (folds, size int, err error) {
	folds = 1
	if len(f) == 2 {
		if folds, err = strconv.Atoi(f[0]); err != nil {
			return 0, 0, err
		}
	}
	size, err = strconv.Atoi(f[len(f)-1])
	if err == nil && (folds < 1 || size < 1 || folds > maxPairs || size > maxPairs) {
		err = ErrPairs
	}
	return folds, size, err
}

// listed is the pair of a line.
func listed(f []string) (Listed, error) {
	if len(f) != 3 && len(f) != 4 {
		return Listed{}, fmt.Errorf("%d words, want 3 or 4", len(f))
	}
	other := f[0]
	if len(f) == 4 {
		other = f[2]
	}
	for _, name := range []string{f[0], other} {
		if strings.ContainsAny(name, "/\\\x00") || name == "." || name == ".." {
			return Listed{}, errors.New("a name that is a path")
		}
	}
	first, err1 := number(f[1])
	second, err2 := number(f[len(f)-1])
	if err := errors.Join(err1, err2); err != nil {
		return Listed{}, errors.New("a number is wanted after the name")
	}
	return Listed{A: Picture{f[0], first}, B: Picture{other, second}, Same: other == f[0]}, nil
}

func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && (n < 0 || n > 9999) {
		err = ErrPairs
	}
	return n, err
}
