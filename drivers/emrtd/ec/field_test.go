package ec

import (
	"crypto/rand"
	"math/big"
	"testing"
)

// The field agrees with math/big, at the ends of its range and between.
func TestFieldAgreesWithBigIntegers(t *testing.T) {
	for _, c := range All() {
		if c.group == nil {
			continue
		}
		f := c.group.field
		one := big.NewInt(1)
		values := []*big.Int{new(big.Int), one, new(big.Int).Sub(c.P, one), new(big.Int).Sub(c.P, big.NewInt(2))}
		for range 40 {
			v, err := rand.Int(rand.Reader, c.P)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, v)
		}
		for _, a := range values {
			for _, b := range values {
				x, y := f.from(a), f.from(b)
				var sum, difference, product element
				f.add(&sum, &x, &y)
				f.sub(&difference, &x, &y)
				f.mul(&product, &x, &y)
				want := new(big.Int)
				if f.big(&sum).Cmp(want.Add(a, b).Mod(want, c.P)) != 0 {
					t.Fatalf("%s: a sum differs", c.Name)
				}
				if f.big(&difference).Cmp(want.Sub(a, b).Mod(want, c.P)) != 0 {
					t.Fatalf("%s: a difference differs", c.Name)
				}
				if f.big(&product).Cmp(want.Mul(a, b).Mod(want, c.P)) != 0 {
					t.Fatalf("%s: a product differs", c.Name)
				}
			}
		}
	}
}
