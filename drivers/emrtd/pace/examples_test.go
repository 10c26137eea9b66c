package pace_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
)

// example is a worked example of Doc 9303-11, all but its mapping: keys of the second
// exchange, what follows from them, and the generator that the mapping must give.
type example struct {
	protocol     string
	parameter    int
	password     []byte // K_pi
	hidden       string // the nonce as it goes over the link
	nonce        string
	generator    string
	mineReader   string // private keys; "" where the document gives none
	mineChip     string
	publicReader string
	publicChip   string
	secret       string
	kEnc, kMac   string
	tokenReader  string
	tokenChip    string
}

// check runs the second half of PACE from both sides as far as the example tells.
func (x example) check(t *testing.T, mapped *pace.Domain) {
	t.Helper()
	p, ok := pace.ByName(x.protocol)
	if !ok {
		t.Fatal(x.protocol)
	}
	nonce, err := pace.DecryptNonce(p.Cipher, x.password, unhex(t, x.hidden))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "nonce", nonce, x.nonce)
	equal(t, "generator", mapped.Generator(), x.generator)
	sides := []struct{ who, mine, public, theirs string }{
		{"reader", x.mineReader, x.publicReader, x.publicChip}, {"chip", x.mineChip, x.publicChip, x.publicReader},
	}
	done := 0
	for _, s := range sides {
		if s.mine == "" {
			continue
		}
		done++
		key := mapped.KeyOf(number(t, s.mine))
		equal(t, "public key of the "+s.who, key.Public, s.public)
		secret, err := mapped.Secret(key.Private, unhex(t, s.theirs))
		if err != nil {
			t.Fatal(err)
		}
		if x.secret != "" {
			equal(t, "K of the "+s.who, secret, x.secret)
		}
		kEnc, kMac := pace.SessionKeys(secret, p.Cipher)
		equal(t, "KS_Enc of the "+s.who, kEnc, x.kEnc)
		equal(t, "KS_MAC of the "+s.who, kMac, x.kMac)
	}
	if done == 0 {
		t.Fatal("no private key")
	}
	for over, want := range map[string]string{x.publicChip: x.tokenReader, x.publicReader: x.tokenChip} {
		token, err := mapped.Token(p, unhex(t, x.kMac), unhex(t, over))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "token", token, want)
	}
}

func domain(t *testing.T, id int) *pace.Domain {
	t.Helper()
	d, err := pace.DomainByID(id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Appendix G.2: generic mapping with the 1024-bit group of RFC 5114, AES-128.
func TestGenericMappingModuloAPrimeOfDoc9303(t *testing.T) {
	const (
		mapReader = "23FB3749EA030D2A25B278D2A562047ADE3F01B74F17A15402CB7352CA7D2B3EB71C343DB13D1DEBCE9A3666DBCFC920B49174A602CB47965CAA73DC702489A4" +
			"4D41DB914DE9613DC5E98C94160551C0DF86274B9359BC0490D01B03AD54022DCB4F57FAD6322497D7A1E28D46710F461AFE710FBBBC5F8BA166F4311975EC6C"
		mapChip = "78879F57225AA8080D52ED0FC890A4B25336F699AA89A2D3A189654AF70729E623EA5738B26381E4DA19E004706FACE7B235C2DBF2F38748312F3C98C2DD4882" +
			"A41947B324AA1259AC22579DB93F7085655AF30889DBB845D9E6783FE42C9F2449400306254C8AE8EE9DD812A804C0B66E8CAFC14F84D8258950A91B44126EE6"
		privateReader, privateChip = "5265030F751F4AD18B08AC565FC7AC952E41618D", "66DDAFEAC1609CB5B963BB0CB3FF8B3E047F336C"
	)
	x := example{
		protocol: "id-PACE-DH-GM-AES-CBC-CMAC-128",
		password: pace.PasswordKey(unhex(t, "7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD"), sm.AES128),
		hidden:   "854D8DF5827FA6852D1A4FA701CDDDCA", nonce: "FA5B7E3E49753A0DB9178B7B9BD898C8",
		generator: "7C9CBFE98F9FBDDA8D143506FA7D9306F4CB17E3C71707AFF5E1C1A12370249684D64EE37AF44B8DBD9D45BF6023919CBAA027AB97ACC771666C8E98FF483301" +
			"BFA4872DEDE9034EDFACB70814166B7F360676829B826BEA57291B5AD69FBC84EF1E779032A305803F74341793E869742D401325B37EE8565FFCDEE618342DC5",
		mineReader: "89CCD99B0E8D3B1F11E1296DCA68EC53411CF2CA", mineChip: "A5B780126B7C980E9FCEA1D4539DA1D27C342DFA",
		publicReader: "907D89E2D425A178AA81AF4A7774EC8E388C115CAE67031E85EECE520BD911551B9AE4D04369F29A02626C86FBC6747CC7BC352645B6161A2A42D44EDA80A08F" +
			"A8D61B76D3A154AD8A5A51786B0BC07147057871A922212C5F67F43173172236B7747D1671E6D692A3C7D40A0C3C5CE397545D015C175EB5130551EDBC2EE5D4",
		publicChip: "075693D9AE941877573E634B6E644F8E60AF17A0076B8B123D9201074D36152BD8B3A213F53820C42ADC79AB5D0AEEC3AEFB91394DA476BD97B9B14D0A65C1FC" +
			"71A0E019CB08AF55E1F729005FBA7E3FA5DC41899238A250767A6D46DB974064386CD456743585F8E5D90CC8B4004B1F6D866C79CE0584E49687FF61BC29AEA1",
		secret: "6BABC7B3A72BCD7EA385E4C62DB2625BD8613B24149E146A629311C4CA6698E38B834B6A9E9CD7184BA8834AFF5043D436950C4C1E7832367C10CB8C314D40E5" +
			"990B0DF7013E64B4549E2270923D06F08CFF6BD3E977DDE6ABE4C31D55C0FA2E465E553E77BDF75E3193D3834FC26E8EB1EE2FA1E4FC97C18C3F6CFFFE2607FD",
		kEnc: "2F7F46ADCC9E7E521B45D192FAFA9126", kMac: "805A1D27D45A5116F73C54469462B7D8",
		tokenReader: "B46DD9BD4D98381F", tokenChip: "917F37B5C0E6D8D1",
	}
	d := domain(t, x.parameter)
	equal(t, "mapping key of the reader", d.KeyOf(number(t, privateReader)).Public, mapReader)
	equal(t, "mapping key of the chip", d.KeyOf(number(t, privateChip)).Public, mapChip)
	chips, err := d.MapGeneric(unhex(t, x.nonce), number(t, privateChip), unhex(t, mapReader))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "the chip's generator", chips.Generator(), x.generator)
	mapped, err := d.MapGeneric(unhex(t, x.nonce), number(t, privateReader), unhex(t, mapChip))
	if err != nil {
		t.Fatal(err)
	}
	x.check(t, mapped)
}

// Appendix H.1: integrated mapping on brainpoolP256r1, AES-128.
func TestIntegratedMappingOnACurveOfDoc9303(t *testing.T) {
	x := example{
		protocol: "id-PACE-ECDH-IM-AES-CBC-CMAC-128", parameter: 13, password: unhex(t, "591468CDA83D65219CCCB8560233600F"),
		hidden: "143DC40C08C8E891FBED7DEDB92B64AD", nonce: "2923BE84E16CD6AE529049F1F1BBE9EB",
		generator:  "048E82D31559ED0FDE92A4D0498ADD3C23BABA94FB77691E31E90AEA77FB17D4274C1AE14BD0C3DBAC0C871B7F3608169364437CA30AC243A089D3F266C1E60FAD",
		mineReader: "A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595", mineChip: "107CF58696EF6155053340FD633392BA81909DF7B9706F226F32086C7AFF974A",
		publicReader: "0489CBA23FFE96AA18D824627C3E934E54A9FD0B87A95D1471DC1C0ABFDCD640D46755DE9B7B778280B6BEBD57439ADFEB0E21FD4ED6DF42578C13418A59B34C37",
		publicChip:   "0467F78E5F7F7686082B293E8D087E056916D0F74BC01A5F8957D0DE45691E51E8932B69A962B52A0985AD2C0A271EE6A13A8ADDDCD1A3A994B9DED257F4D22753",
		kEnc:         "0D3FEB33251A6370893D62AE8DAAF51B", kMac: "B01E89E3D9E8719E586B50B4A7506E0B",
		tokenReader: "450F02B86F6A0909", tokenChip: "75D4D96E8D5B0308",
	}
	mapped, err := domain(t, x.parameter).MapIntegrated(sm.AES128, unhex(t, x.nonce), unhex(t, "5DD4CBFC96F5453B130D890A1CDBAE32"))
	if err != nil {
		t.Fatal(err)
	}
	x.check(t, mapped)
}

// Appendix H.2: integrated mapping with the 1024-bit group, AES-128.
func TestIntegratedMappingModuloAPrimeOfDoc9303(t *testing.T) {
	x := example{
		protocol: "id-PACE-DH-IM-AES-CBC-CMAC-128", password: unhex(t, "591468CDA83D65219CCCB8560233600F"),
		hidden: "9ABB8864CA0FF1551E620D1EF4E13510", nonce: "FA5B7E3E49753A0DB9178B7B9BD898C8",
		generator: "1D7D767F11E333BCD6DBAEF40E799E7A926B96973550656FF3C830726D118D61C276CDCC61D475CF03A98E0C0E79CAEBA5BE25578BD4551D0B10903236F0B0F9" +
			"76852FA78EEA14EA0ACA87D1E91F688FE0DFF897BBE35A472621D343564B262F34223AE8FC59B664BFEDFA2BFE7516CA5510A6BBB633D517EC25D4E0BBAA16C2",
		mineReader: "4BD0E54740F9A028E6A515BFDAF967848C4F5F5FFF65AA0915947FFD1A0DF2FA6981271BC905F3551457B7E03AC3B8066DE4AA406C1171FB43DD939C4BA16175" +
			"103BA3DEE16419AA248118F90CC36A3D6F4C373652E0C3CCE7F0F1D0C5425B3600F0F0D6A67F004C8BBA33F2B4733C7252445C1DFC4F1107203F71D2EFB28161",
		publicReader: "0F0CC62945A8029251FB7EF3C094E12EC68E4EF07F27CB9D9CD04C5C4250FAE0E4F8A951557E929AEB48E5C6DD47F2F5CD7C351A9BD2CD722C07EDE166770F08" +
			"FFCB370262CF308DD7B07F2E0DA9CAAA1492344C852906919538C98A4BA4187E76CE9D87832386D319CE2E043C3343AEAE6EDBA1A9894DC5094D22F7FE1351D5",
		publicChip: "928D9A0F9DBA450F13FC859C6F290D1D36E42431138A4378500BEB4E0401854CFF111F71CB6DC1D0335807A11388CC8EAA87B07907AAD9FBA6B169AF6D8C26AF" +
			"8DDDC39ADC3AD2E3FF882B84D23E9768E95A80E4746FB07A9767679FE92133B4D379935C771BD7FBED6C7BB4B1708B275EA75679524CDC9C6A91370CC662A2F3",
		kEnc: "01AFC10CF87BE36D8179E87370171F07", kMac: "23F0FBD05FD6C7B8B88F4C8309669061",
		tokenReader: "55D61977CBF5307E", tokenChip: "C2F04230187E1525",
	}
	mapped, err := domain(t, x.parameter).MapIntegrated(sm.AES128, unhex(t, x.nonce), unhex(t, "B3A6DB3C870C3E99245E0D1C06B747DE"))
	if err != nil {
		t.Fatal(err)
	}
	x.check(t, mapped)
}

// Appendix I.1: chip authentication mapping on brainpoolP256r1, AES-128. The document
// gives no static private key; the one here follows from the numbers that it gives.
func TestChipAuthenticationMappingOfDoc9303(t *testing.T) {
	const (
		static        = "041872709494399E7470A6431BE25E83EEE24FEA568C2ED28DB48E05DB3A610DC884D256A40E35EFCB59BF6753D3A489D28C7A4D973C2DA138A6E7A4A08F68E16F"
		staticPrivate = "86C88A4579CE48135878E6348A734B5D47CE5BC1E54C0E8978687B49FDE2E2C2"
		mapReader     = "5D8BB87BD74D985A4B7D4325B9F7B976FE835122773400798914AA22738135CC"
		mapChip       = "9E56A6B59C95D06ECE5CD10F983BB2F4F1943528E577F23881D89D8C3BBEE0AA"
		mapChipPublic = "04A234236AA9B9621E8EFB73B5245C0E09D2576E5277183C1208BDD55280CAE8B304F365713A356E65A451E165ECC9AC0AC46E3771342C8FE5AEDD092685338E23"
		data          = "85DC3FA93D0952BFA82F5FD189EE75BD82F11D1F0B8ED4BF5319AC9B53C426B3"
		hidden        = "1EEA964DAAE372AC990E3EFDE6333353BFC89A6704D93DA8798CF77F5B7A54BD10CBA372B42BE0B9B5F28AA8DE2F4F92"
	)
	x := example{
		protocol: "id-PACE-ECDH-CAM-AES-CBC-CMAC-128", parameter: 13, nonce: "658B860BC94DF6F044FCE6D5C82CF8E5", hidden: "CB60E8E0D85B76A9BD304747C2AD42E2",
		generator:    "0489F0B5EABF3BE293C75903A3986131925C9F5B515CA95AF485DC7E886F03245D44BEFB2DD3A0DBD71CB5E618971CF4747F12B79E548379A40E45963BAAF3E829",
		mineReader:   "76ECFDAA9841C323A3F5FC5E88B88DB3EFF7E35EBF57A7E6946CB630006C2120",
		publicReader: "04446C934084D9DAB863944F219520076C29EE3F7AE6722B11FF319EC1C7728F955483400BFF60BF0C5929270009277DC2A515E12575010AD9BA916CF1BF86FEFC",
		publicChip:   "0402AD566F3C6EC7F9324509AD50A51FA52030782A4968FCFEDF737DAEA993333111C3B9B4C2287789BD137E7F8AA882E2A3C633CCD6ECC2C63C57AD401A09C2E1",
		kEnc:         "0A9DA4DB03BDDE39FC5202BC44B2E89E", kMac: "4B1C06491ED5140CA2B537D344C6C0B1",
		tokenReader: "E86BD06018A1CD3B", tokenChip: "8596CF055C67C1A3",
	}
	x.password = passwordOf(t, "C11T002JM496081222310314")
	d := domain(t, 13)
	mapped, err := d.MapGeneric(unhex(t, x.nonce), number(t, mapReader), unhex(t, mapChipPublic))
	if err != nil {
		t.Fatal(err)
	}
	x.check(t, mapped)

	c := d.Curve()
	equal(t, "static key", d.KeyOf(number(t, staticPrivate)).Public, static)
	equal(t, "mapping key of the chip", d.KeyOf(number(t, mapChip)).Public, mapChipPublic)
	equal(t, "CA_IC", pace.ChipData(c, number(t, staticPrivate), number(t, mapChip)), data)
	sealed, err := pace.EncryptChipData(sm.AES128, unhex(t, x.kEnc), unhex(t, data))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "A_IC", sealed, hidden)
	opened, err := pace.DecryptChipData(sm.AES128, unhex(t, x.kEnc), unhex(t, hidden))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "CA_IC, opened", opened, data)
	key, err := c.Decode(unhex(t, static))
	if err != nil {
		t.Fatal(err)
	}
	if !pace.ChipDataFits(c, opened, key, unhex(t, mapChipPublic)) {
		t.Error("the chip's data does not fit its key")
	}
	if pace.ChipDataFits(c, opened, c.G, unhex(t, mapChipPublic)) || pace.ChipDataFits(c, unhex(t, x.kEnc), key, unhex(t, mapChipPublic)) {
		t.Error("another key, or other data, fits")
	}
}

func TestBothSidesAgreeInEveryDomainAndCipher(t *testing.T) {
	for _, p := range pace.Protocols() {
		for _, id := range []int{0, 1, 2, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18} {
			d := domain(t, id)
			info := pace.Info{Protocol: p, Domain: d, Curve: d.Curve()}
			// The cipher makes no difference to the group: all groups with one, a few with the others.
			if !info.Supported() || p.Cipher != sm.AES128 && id != 0 && id != 13 && id != 18 {
				continue
			}
			nonce, readers := make([]byte, pace.NonceSize(p.Cipher)), make([]byte, pace.ReadersNonceSize(p.Cipher))
			rand.Read(nonce)
			rand.Read(readers)
			a, _ := d.NewKey(rand.Reader)
			b, _ := d.NewKey(rand.Reader)
			var g1, g2 *pace.Domain
			var err1, err2 error
			if p.Mapping == pace.Integrated {
				g1, err1 = d.MapIntegrated(p.Cipher, nonce, readers)
				g2 = g1
			} else {
				g1, err1 = d.MapGeneric(nonce, a.Private, b.Public)
				g2, err2 = d.MapGeneric(nonce, b.Private, a.Public)
			}
			if err1 != nil || err2 != nil || !bytes.Equal(g1.Generator(), g2.Generator()) {
				t.Fatalf("%s with %s: generators differ (%v, %v)", p.Name, d.Name(), err1, err2)
			}
			x, _ := g1.NewKey(rand.Reader)
			y, _ := g2.NewKey(rand.Reader)
			s1, err1 := g1.Secret(x.Private, y.Public)
			s2, err2 := g2.Secret(y.Private, x.Public)
			if err1 != nil || err2 != nil || !bytes.Equal(s1, s2) {
				t.Fatalf("%s with %s: secrets differ (%v, %v)", p.Name, d.Name(), err1, err2)
			}
		}
	}
}

func TestKeysThatGiveTheSecretAwayAreRefused(t *testing.T) {
	for _, id := range []int{0, 1, 2, 13, 18} {
		d := domain(t, id)
		n := len(d.Generator())
		one, minusOne, above := make([]byte, n), d.Generator(), bytes.Repeat([]byte{0xFF}, n)
		one[n-1] = 1
		minusOne[n-1] ^= 2
		for name, key := range map[string][]byte{"none": nil, "zero": make([]byte, n), "one": one, "another number": minusOne, "too large": above, "long": make([]byte, 2*n)} {
			if d.Check(key) == nil {
				t.Errorf("%s: %s accepted", d.Name(), name)
			}
			if _, err := d.Secret(number(t, "1234"), key); err == nil {
				t.Errorf("%s: a secret with %s", d.Name(), name)
			}
			if _, err := d.MapGeneric(make([]byte, 16), number(t, "1234"), key); err == nil {
				t.Errorf("%s: a mapping with %s", d.Name(), name)
			}
		}
	}
}
