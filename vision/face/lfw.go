package face

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
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

// ReadPairs reads a list of pairs in the forms of LFW: pairs.txt, whose header
// names folds and pairs ("10 300"), and pairsDevTest.txt with one number. A line
// holds a name and two numbers, or two names with a number each. folds is 0
// where the list has none.
func ReadPairs(r io.Reader) (list []Listed, folds int, err error) {
	lines := bufio.NewScanner(r)
	size, at := 0, 0
	for lines.Scan() {
		at++
		f := strings.Fields(strings.ReplaceAll(strings.TrimPrefix(lines.Text(), "\ufeff"), ",", " "))
		switch {
		case len(f) == 0:
			continue
		case at == 1 && len(f) <= 2:
			n, err := strconv.Atoi(f[len(f)-1])
			if err != nil || n < 0 {
				return nil, 0, fmt.Errorf("%w: line 1", ErrPairs)
			}
			if len(f) == 2 {
				size = n
			}
			continue
		case len(f) != 3 && len(f) != 4:
			return nil, 0, fmt.Errorf("%w: line %d has %d words", ErrPairs, at, len(f))
		}
		first, err1 := number(f[1])
		second, err2 := number(f[len(f)-1])
		if err := errors.Join(err1, err2); err != nil {
			return nil, 0, fmt.Errorf("%w: line %d", ErrPairs, at)
		}
		for _, name := range []string{f[0], f[len(f)-2]} {
			if len(f) == 4 && strings.ContainsAny(name, "/\\") || strings.ContainsAny(f[0], "/\\") {
				return nil, 0, fmt.Errorf("%w: line %d: a name with a slash", ErrPairs, at)
			}
		}
		p := Listed{A: Picture{f[0], first}, B: Picture{f[0], second}, Same: len(f) == 3}
		if len(f) == 4 {
			p.B.Name = f[2]
		}
		if len(list) == maxPairs {
			return nil, 0, fmt.Errorf("%w: more than %d pairs", ErrPairs, maxPairs)
		}
		list = append(list, p)
	}
	if err := lines.Err(); err != nil {
		return nil, 0, fmt.Errorf("read the list of pairs: %w", err)
	}
	if len(list) == 0 {
		return nil, 0, fmt.Errorf("%w: it holds no pair", ErrPairs)
	}
	if size > 0 && len(list)%(2*size) == 0 && len(list) > 2*size {
		folds = len(list) / (2 * size)
		for i := range list {
			list[i].Fold = i / (2 * size)
		}
	}
	return list, folds, nil
}

func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && (n < 0 || n > 9999) {
		err = ErrPairs
	}
	return n, err
}
