package sim

// WithPACE makes the chip offer another PACE than the Vietnamese card does: a
// protocol "id-PACE-ECDH-GM-AES-CBC-CMAC-256", "id-PACE-DH-IM-3DES-CBC-CBC", …
// over a standardised domain parameter, 0 to 2 or 8 to 18. Given more than once
// the chip offers them all.
func WithPACE(protocol string, parameter int) Option {
	return func(s *settings) {
		offer, err := newOffer(protocol, parameter)
		if err != nil {
			s.fail(err)
			return
		}
		s.offers = append(s.offers, offer)
	}
}

// WithoutPACE makes a chip that knows Basic Access Control only, and has no
// EF.CardAccess.
func WithoutPACE() Option { return func(s *settings) { s.offers = []paceOffer{} } }

// WithoutBAC makes a chip that knows PACE only.
func WithoutBAC() Option { return func(s *settings) { s.noBAC = true } }

// Open makes a chip that needs no access control, as the first passports did.
func Open() Option {
	return func(s *settings) { s.open, s.noBAC, s.offers = true, true, []paceOffer{} }
}

// WithChipAuthentication gives the chip another key for Chip Authentication than
// the Vietnamese card has: a protocol "id-CA-ECDH-AES-CBC-CMAC-256" or
// "id-CA-DH-3DES-CBC-CBC" over a standardised domain parameter, and the number of
// the key, −1 for none. Given more than once the chip has several keys.
func WithChipAuthentication(protocol string, parameter, id int) Option {
	return func(s *settings) {
		a, err := newAgreement(protocol, parameter, id)
		if err != nil {
			s.fail(err)
			return
		}
		s.agreements = append(s.agreements, a)
	}
}

// WithoutChipAuthentication makes a chip without a key for Chip Authentication.
func WithoutChipAuthentication() Option {
	return func(s *settings) { s.agreements = []agreementSpec{} }
}

// WithActiveAuthentication gives the chip another key for Active Authentication
// than the Vietnamese card has: RSA-1024 to RSA-4096, or a curve, and its hash.
func WithActiveAuthentication(key, hash string) Option {
	return func(s *settings) {
		spec := KeySpec{Key: key, Hash: hash}
		if err := spec.check(); err != nil {
			s.fail(err)
			return
		}
		s.active = &spec
	}
}

// WithoutActiveAuthentication makes a chip without EF.DG15.
func WithoutActiveAuthentication() Option { return func(s *settings) { s.active = nil } }

// PlainCardAccess makes EF.CardAccess name PACE and nothing else.
func PlainCardAccess() Option { return func(s *settings) { s.plainCardAccess = true } }

// WithMasterFile makes a chip on which the master file can be selected, and which
// has an EF.DIR in it; the Vietnamese card answers 6D00.
func WithMasterFile() Option { return func(s *settings) { s.masterFile = true } }

// WithoutSFI makes a chip that finds no file by a short identifier.
func WithoutSFI() Option { return func(s *settings) { s.noSFI = true } }

// WithoutExtended makes a chip that knows short commands only and says so in
// its ATR. Long data comes and goes in chained commands.
func WithoutExtended() Option { return func(s *settings) { s.noExtended = true } }

// MaxAnswer makes READ BINARY bring at most n bytes, whatever is asked for.
func MaxAnswer(n int) Option { return func(s *settings) { s.maxAnswer = n } }

// GetResponse makes the chip announce answers longer than n bytes by 61xx.
func GetResponse(n int) Option { return func(s *settings) { s.getResponse = n } }

// StrictEnd makes the chip answer a read past the end of a file by sw and no
// data; 6C00 stands for 6Cxx with the right length.
func StrictEnd(sw uint16) Option { return func(s *settings) { s.strictEnd = sw } }
