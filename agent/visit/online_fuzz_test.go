package visit

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func FuzzParseResolved(f *testing.F) {
	for _, seed := range []string{
		known, `{}`, `null`, `{"source":"x","person":{"idCode":"099099000017","personName":"A|B"}}`,
		`{"source":"x","person":{"idCode":"099099000017","personName":"A","dateOfBirth":"1999-01-15"}}`,
		`{"source":"\n","person":{"idCode":"099099000017","personName":"A"}}`, `{"source":"x","person":{"idCode":17}}`, known + `{`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseResolved(json.RawMessage(data))
		if err != nil {
			return
		}
		if got.source == "" || len(got.source) > maxVerifier || !utf8.ValidString(got.source) || !got.qr.IsID() || got.qr.PersonName.Reveal() == "" {
			t.Error("an answer without a source or a person is taken")
		}
	})
}
