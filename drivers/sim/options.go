package sim

import (
	"slices"
	"time"

	"tram/drivers/emrtd/pace"
)

// An Option changes how a card is made or how it behaves.
type Option func(*settings)

type settings struct {
	err error // of the first option that is wrong

	// what is on the card
	tampered                      []uint16
	tamperDG13, nestedParents     bool
	wrongSigner, expired, revoked bool
	wrongSOD, brokenSignature     bool
	clonedAgreement, clonedActive bool
	hostile                       map[uint16]bool
	longer, trailing              map[uint16]int

	// what the chip can
	offers          []paceOffer
	agreements      []agreementSpec
	active          *KeySpec
	noBAC, open     bool
	plainCardAccess bool // EF.CardAccess names PACE and nothing else

	// how the chip answers
	masterFile, noSFI, noExtended bool
	status                        map[byte]uint16
	denied                        map[uint16]uint16
	frameLimit, maxAnswer         int
	getResponse                   int
	strictEnd                     uint16
	endless61                     bool
	blockAfter                    int

	// how the link behaves
	bitsPerSecond int
	processing    time.Duration
	retryDelay    time.Duration
	pulledAfter   int // −1: never
	hangAfter     int // −1: never
}

// mapsChip: PACE with chip authentication mapping is offered.
func (s settings) mapsChip() bool {
	return slices.ContainsFunc(s.offers, func(o paceOffer) bool { return o.protocol.Mapping == pace.ChipAuthentication })
}

func (s *settings) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// TamperDG2 changes a byte of the portrait after the card was signed.
func TamperDG2() Option { return Tamper(FileDG2) }

// Tamper changes a byte of a file after the card was signed.
func Tamper(file uint16) Option {
	return func(s *settings) { s.tampered = append(s.tampered, file) }
}

// TamperDG13 changes the residence in data group 13 after the card was signed.
func TamperDG13() Option { return func(s *settings) { s.tamperDG13 = true } }

// WrongSigner signs the card below a CA that no reader was told of: everything
// about it is consistent and nothing of it is genuine.
func WrongSigner() Option { return func(s *settings) { s.wrongSigner = true } }

// ExpiredSigner signs the card with a document signer whose certificate has
// expired.
func ExpiredSigner() Option { return func(s *settings) { s.expired = true } }

// RevokedSigner signs the card with a document signer that the CA has revoked:
// see PKI.CRL.
func RevokedSigner() Option { return func(s *settings) { s.revoked = true } }

// WrongSOD gives the card the EF.SOD of another card of the same signer.
func WrongSOD() Option { return func(s *settings) { s.wrongSOD = true } }

// BrokenSignature changes a byte of the signature in EF.SOD.
func BrokenSignature() Option { return func(s *settings) { s.brokenSignature = true } }

// ClonedChip makes a copy of a card: all its files, but not the keys that its
// chip never gives away, so that Chip and Active Authentication fail.
func ClonedChip() Option {
	return func(s *settings) { s.clonedAgreement, s.clonedActive = true, true }
}

// WithoutAgreementKey makes a copy that lacks only the key of Chip
// Authentication, WithoutSignatureKey one that lacks that of Active
// Authentication.
func WithoutAgreementKey() Option { return func(s *settings) { s.clonedAgreement = true } }

// WithoutSignatureKey makes a copy: see WithoutAgreementKey.
func WithoutSignatureKey() Option { return func(s *settings) { s.clonedActive = true } }

// NestedParents writes the parents in data group 13 as one sequence of two
// names, the rarer of the two shapes.
func NestedParents() Option { return func(s *settings) { s.nestedParents = true } }

// HostileLength makes a file claim to be 4 GB long; reading it never ends.
func HostileLength(file uint16) Option {
	return func(s *settings) { s.hostile = put(s.hostile, file, true) }
}

// LongerThanSaid makes the header of a file claim n bytes more than the file has.
func LongerThanSaid(file uint16, n int) Option {
	return func(s *settings) { s.longer = put(s.longer, file, n) }
}

// Trailing puts n bytes behind the end of a file's data.
func Trailing(file uint16, n int) Option {
	return func(s *settings) { s.trailing = put(s.trailing, file, n) }
}

// Endless61 makes READ BINARY and GET RESPONSE promise more bytes for ever.
func Endless61() Option { return func(s *settings) { s.endless61 = true } }

// Deny makes the chip answer the selection of one file by sw.
func Deny(file, sw uint16) Option {
	return func(s *settings) { s.denied = put(s.denied, file, sw) }
}

func put[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	if m == nil {
		m = map[K]V{}
	}
	m[k] = v
	return m
}

// StatusWord makes the chip answer every command with the instruction ins by
// the status word sw and nothing else.
func StatusWord(ins byte, sw uint16) Option {
	return func(s *settings) { s.status = put(s.status, ins, sw) }
}

// FrameLimit makes the chip refuse extended lengths and answers longer than n
// bytes by 6700, as older readers and chips do.
func FrameLimit(n int) Option { return func(s *settings) { s.frameLimit = n } }

// SlowLink makes each command take the time that its bytes and those of its
// answer need on a link of that speed, and processing on top.
func SlowLink(bitsPerSecond int, processing time.Duration) Option {
	return func(s *settings) { s.bitsPerSecond, s.processing = bitsPerSecond, processing }
}

// RetryDelay makes the chip wait before it answers a wrong CAN or MRZ: first d,
// then twice as long each time, up to 16 times d.
func RetryDelay(d time.Duration) Option { return func(s *settings) { s.retryDelay = d } }

// PulledAfter pulls the card once: it answers n commands and is gone in the
// middle of the next. Laid on again, it works.
func PulledAfter(n int) Option { return func(s *settings) { s.pulledAfter = n } }

// HangAfter hangs the chip once: it answers n commands and none after, until it
// is reset or loses power.
func HangAfter(n int) Option { return func(s *settings) { s.hangAfter = n } }

// BlockAfter makes the chip refuse every access after n wrong passwords in a
// row. Before that its status words count the tries that are left.
func BlockAfter(n int) Option { return func(s *settings) { s.blockAfter = n } }

// newSettings returns the settings of the Vietnamese card, changed by the
// options. The first option of a kind of mechanism takes the place of the
// Vietnamese one, further ones add to it.
func newSettings(opt []Option) settings {
	s := settings{pulledAfter: -1, hangAfter: -1}
	s.active = &KeySpec{Key: "brainpoolP256r1", Hash: "SHA-256"}
	offers, agreements := []paceOffer{vietnameseOffer()}, []agreementSpec{vietnameseAgreement()}
	for _, o := range opt {
		o(&s)
	}
	if s.offers == nil {
		s.offers = offers
	}
	if s.agreements == nil {
		s.agreements = agreements
	}
	// Chip authentication mapping needs a key on its own domain parameters.
	for _, o := range s.offers {
		fits := func(a agreementSpec) bool { return a.parameter == o.parameter }
		if o.protocol.Mapping == pace.ChipAuthentication && !slices.ContainsFunc(s.agreements, fits) {
			a, err := newAgreement("id-CA-ECDH-AES-CBC-CMAC-128", o.parameter, o.parameter)
			if err != nil {
				s.fail(err)
			}
			s.agreements = append(s.agreements, a)
		}
	}
	return s
}
