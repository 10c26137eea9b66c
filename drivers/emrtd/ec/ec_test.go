package ec_test

import (
	"bytes"
	"crypto/rand"
	"math/big"
	"os/exec"
	"testing"

	"tram/drivers/emrtd/ec"
)

var opensslNames = map[string]string{
	"P-192": "prime192v1", "P-224": "secp224r1", "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1",
}

// Every number of every curve comes back from OpenSSL's explicit parameters.
func TestExplicitParametersOfOpenSSLAreTheCurve(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl, which is not installed")
	}
	for _, c := range ec.All() {
		name := c.Name
		if n, ok := opensslNames[name]; ok {
			name = n
		}
		for _, form := range []string{"explicit", "named_curve"} {
			der, err := exec.Command(openssl, "ecparam", "-name", name, "-param_enc", form, "-outform", "DER").Output()
			if err != nil {
				t.Fatalf("openssl ecparam %s: %v", name, err)
			}
			got, err := ec.FromParameters(der)
			if err != nil || got != c {
				t.Errorf("%s %s: got %v, %v", c.Name, form, got, err)
			}
		}
	}
}

func TestForeignGeneratorIsRefused(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl, which is not installed")
	}
	der, err := exec.Command(openssl, "ecparam", "-name", "brainpoolP256r1", "-param_enc", "explicit", "-outform", "DER").Output()
	if err != nil {
		t.Fatal(err)
	}
	c, _ := ec.ByName("brainpoolP256r1")
	twice := c.Add(c.G, c.G)
	changed := bytes.Replace(der, c.Encode(c.G), c.Encode(twice), 1)
	if bytes.Equal(changed, der) {
		t.Fatal("generator not found")
	}
	if got, err := ec.FromParameters(changed); err == nil {
		t.Errorf("got %s, want an error", got.Name)
	}
}

func TestPointsObeyTheGroupLaws(t *testing.T) {
	for _, c := range ec.All() {
		k, err := c.RandomScalar(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p := c.Mult(c.G, k)
		if !c.Contains(p) {
			t.Fatalf("%s: kG is not of the curve", c.Name)
		}
		if got := c.Add(p, c.G); !got.Equal(c.Mult(c.G, new(big.Int).Add(k, big.NewInt(1)))) {
			t.Errorf("%s: kG + G is not (k+1)G", c.Name)
		}
		if got := c.Mult(p, c.N); !got.IsInfinity() {
			t.Errorf("%s: N·P is not infinity", c.Name)
		}
		if got := c.Add(p, ec.Point{}); !got.Equal(p) {
			t.Errorf("%s: P + 0 is not P", c.Name)
		}
		neg := ec.Point{X: p.X, Y: new(big.Int).Sub(c.P, p.Y)}
		if got := c.Add(p, neg); !got.IsInfinity() {
			t.Errorf("%s: P − P is not infinity", c.Name)
		}
		if back, err := c.Decode(c.Encode(p)); err != nil || !back.Equal(p) {
			t.Errorf("%s: encoded and decoded: %v", c.Name, err)
		}
		short := append([]byte{2 + byte(p.Y.Bit(0))}, c.FieldBytes(p.X)...)
		if back, err := c.Decode(short); err != nil || !back.Equal(p) {
			t.Errorf("%s: compressed: %v", c.Name, err)
		}
	}
}

// Multiplication here agrees with the libraries' own, at the ends of the range too.
func TestMultiplicationAgreesWithTheLibraries(t *testing.T) {
	for _, c := range ec.All() {
		scalars := []*big.Int{big.NewInt(1), big.NewInt(2), big.NewInt(15), big.NewInt(16), new(big.Int).Sub(c.N, big.NewInt(1))}
		for range 3 {
			k, err := c.RandomScalar(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			scalars = append(scalars, k)
		}
		p := c.Mult(c.G, scalars[len(scalars)-1])
		for i, k := range scalars {
			//lint:ignore SA1019 the peer of this test
			x, y := c.Elliptic().ScalarMult(p.X, p.Y, k.Bytes())
			if got := c.Mult(p, k); !got.Equal(ec.Point{X: x, Y: y}) {
				t.Errorf("%s: scalar %d: got another point", c.Name, i)
			}
			l := scalars[len(scalars)-1-i]
			if got, want := c.MultAdd(k, p, l), c.Add(c.Mult(c.G, k), c.Mult(p, l)); !got.Equal(want) {
				t.Errorf("%s: scalars %d: k·G + l·P is another point", c.Name, i)
			}
		}
	}
}

func BenchmarkMult(b *testing.B) {
	for _, name := range []string{"P-256", "P-192", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"} {
		c, err := ec.ByName(name)
		if err != nil {
			b.Fatal(err)
		}
		k := new(big.Int).Sub(c.N, big.NewInt(2))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c.Mult(c.G, k)
			}
		})
	}
}

func TestPointsOffTheCurveAreRefused(t *testing.T) {
	for _, c := range ec.All() {
		bad := c.Encode(c.G)
		bad[len(bad)-1] ^= 1
		above := ec.Point{X: new(big.Int).Add(c.G.X, c.P), Y: c.G.Y}
		for name, b := range map[string][]byte{"changed": bad, "short": bad[:len(bad)-1], "infinity": {0}, "empty": nil, "zeros": make([]byte, len(bad))} {
			if _, err := c.Decode(b); err == nil {
				t.Errorf("%s: %s accepted", c.Name, name)
			}
		}
		if c.Contains(above) || !c.Mult(above, big.NewInt(2)).IsInfinity() {
			t.Errorf("%s: a coordinate above P accepted", c.Name)
		}
	}
}
