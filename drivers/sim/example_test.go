package sim

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// script feeds a card the random numbers of a worked example, in their order.
func script(t *testing.T, c *Card, bytesOf, scalars []string) {
	c.draw.bytes = func(n int) []byte {
		b := unhex(t, bytesOf[0])
		bytesOf = bytesOf[1:]
		if len(b) != n {
			t.Fatalf("the card draws %d bytes, the example has %d", n, len(b))
		}
		return b
	}
	c.draw.scalar = func(*big.Int) *big.Int {
		k := new(big.Int).SetBytes(unhex(t, scalars[0]))
		scalars = scalars[1:]
		return k
	}
}

func dialogue(t *testing.T, c *Card, steps [][2]string) {
	t.Helper()
	for _, s := range steps {
		if got := c.Exchange(unhex(t, s[0])); !strings.EqualFold(hex.EncodeToString(got), s[1]) {
			t.Fatalf("%s...\n got %X\nwant %s", s[0][:8], got, s[1])
		}
	}
}

// Doc 9303-11 appendix D: Basic Access Control and the first file.
func TestTheCardPlaysTheWorkedExampleOfBAC(t *testing.T) {
	c := blankCard([]Option{WithoutPACE()})
	c.mrz = "L898902C<369080619406236"
	c.files = map[uint16][]byte{FileCOM: unhex(t, "60145F0104303130365F36063034303030305C026175")}
	script(t, c, []string{"4608F91988702212", "0B4F80323EB3191CB04970CB4052790B"}, nil)
	dialogue(t, c, [][2]string{
		{"00A4040C07A0000002471001", "9000"},
		{"0084000008", "4608F919887022129000"},
		{"008200002872C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F25F1448EEA8AD90A728",
			"46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F2F2D235D074D74499000"},
		{"0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800", "990290008E08FA855A5D4C50A8ED9000"},
		{"0CB000000D9701048E08ED6705417E96BA5500", "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000"},
		{"0CB000040D9701128E082EA28A70F3C7B53500", "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000"},
	})
}

const exampleMRZ = "T22000129364081251010318"

// Doc 9303-11 appendix G.1: PACE, generic mapping over brainpoolP256r1.
func TestTheCardPlaysTheWorkedExampleOfGenericMapping(t *testing.T) {
	c := blankCard(nil)
	c.mrz = exampleMRZ
	script(t, c, []string{"3F00C4D39D153F2B2A214A078D899B22"}, []string{
		"498FF49756F2DC1587840041839A85982BE7761D14715FB091EFA7BCE9058560", "107CF58696EF6155053340FD633392BA81909DF7B9706F226F32086C7AFF974A"})
	dialogue(t, c, [][2]string{
		{"0022C1A412800A04007F0007020204020283010184010D", "9000"},
		{"10860000027C0000", "7C12801095A3A016522EE98D01E76CB6B98B42C39000"},
		{"10860000457C438141047ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E544552DCB6725218799115B55C9BAA6D9F6BC3A9618E70C25AF71777A9C4922D00",
			"7C43824104824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F5730D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C549000"},
		{"10860000457C438341042DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C3556F3B3B186DF10B857B58F6A7EB80F20BA5DC7BE1D43D9BF850149FBB3646200",
			"7C438441049E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB7764B22277A2EDDC3C265A9F018F9CB852E111B768B326904B59A0193776F0949000"},
		{"008600000C7C0A8508C2B0BD78D94BA86600", "7C0A86083ABB9674BCE93C089000"},
	})
	if c.session == nil {
		t.Error("no session after the last step")
	}
}

// Doc 9303-11 appendix H.1: integrated mapping over brainpoolP256r1. The example's
// password key is given; its chip key is not printed everywhere, so the agreement is
// played from the reader's side of the same numbers.
func TestTheCardMapsAsTheExamplesOfIntegratedMapping(t *testing.T) {
	curve, err := standardisedGroup(13)
	if err != nil {
		t.Fatal(err)
	}
	for what, x := range map[string]struct {
		group                      group
		tag                        string // the arc of the protocol
		s, t, base                 string
		private, mine, theirs      string
		enc, mac                   string
		overTheirs, overMine, hide string
	}{
		"H.1": {group: curve, tag: "0.4.0.127.0.7.2.2.4.4.2", s: "2923BE84E16CD6AE529049F1F1BBE9EB", t: "5DD4CBFC96F5453B130D890A1CDBAE32",
			base:    "8E82D31559ED0FDE92A4D0498ADD3C23BABA94FB77691E31E90AEA77FB17D427",
			private: "A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595",
			mine:    "0489CBA23FFE96AA18D824627C3E934E54A9FD0B87A95D1471DC1C0ABFDCD640D46755DE9B7B778280B6BEBD57439ADFEB0E21FD4ED6DF42578C13418A59B34C37",
			theirs:  "0467F78E5F7F7686082B293E8D087E056916D0F74BC01A5F8957D0DE45691E51E8932B69A962B52A0985AD2C0A271EE6A13A8ADDDCD1A3A994B9DED257F4D22753",
			enc:     "0D3FEB33251A6370893D62AE8DAAF51B", mac: "B01E89E3D9E8719E586B50B4A7506E0B", overTheirs: "450F02B86F6A0909", overMine: "75D4D96E8D5B0308"},
		"H.2": {group: primeGroups()[0], tag: "0.4.0.127.0.7.2.2.4.3.2", s: "FA5B7E3E49753A0DB9178B7B9BD898C8", t: "B3A6DB3C870C3E99245E0D1C06B747DE",
			base: "1D7D767F11E333BCD6DBAEF40E799E7A926B96973550656FF3C830726D118D61C276CDCC61D475CF03A98E0C0E79CAEBA5BE25578BD4551D0B10903236F0B0F9" +
				"76852FA78EEA14EA0ACA87D1E91F688FE0DFF897BBE35A472621D343564B262F34223AE8FC59B664BFEDFA2BFE7516CA5510A6BBB633D517EC25D4E0BBAA16C2",
			private: "4BD0E54740F9A028E6A515BFDAF967848C4F5F5FFF65AA0915947FFD1A0DF2FA6981271BC905F3551457B7E03AC3B8066DE4AA406C1171FB43DD939C4BA16175" +
				"103BA3DEE16419AA248118F90CC36A3D6F4C373652E0C3CCE7F0F1D0C5425B3600F0F0D6A67F004C8BBA33F2B4733C7252445C1DFC4F1107203F71D2EFB28161",
			mine: "0F0CC62945A8029251FB7EF3C094E12EC68E4EF07F27CB9D9CD04C5C4250FAE0E4F8A951557E929AEB48E5C6DD47F2F5CD7C351A9BD2CD722C07EDE166770F08" +
				"FFCB370262CF308DD7B07F2E0DA9CAAA1492344C852906919538C98A4BA4187E76CE9D87832386D319CE2E043C3343AEAE6EDBA1A9894DC5094D22F7FE1351D5",
			theirs: "928D9A0F9DBA450F13FC859C6F290D1D36E42431138A4378500BEB4E0401854CFF111F71CB6DC1D0335807A11388CC8EAA87B07907AAD9FBA6B169AF6D8C26AF" +
				"8DDDC39ADC3AD2E3FF882B84D23E9768E95A80E4746FB07A9767679FE92133B4D379935C771BD7FBED6C7BB4B1708B275EA75679524CDC9C6A91370CC662A2F3",
			enc: "01AFC10CF87BE36D8179E87370171F07", mac: "23F0FBD05FD6C7B8B88F4C8309669061", overTheirs: "55D61977CBF5307E", overMine: "C2F04230187E1525"},
	} {
		random, err := pseudoRandom(sm.AES128, unhex(t, x.s), unhex(t, x.t), x.group.field())
		if err != nil {
			t.Fatal(err)
		}
		base, err := x.group.integrated(random)
		if err != nil || !bytes.Contains(base, unhex(t, x.base)) {
			t.Errorf("%s: generator %X, %v; want %s", what, base, err, x.base)
			continue
		}
		agreed(t, what, x.group, base, "id-PACE-"+map[bool]string{true: "ECDH", false: "DH"}[what == "H.1"]+"-IM-AES-CBC-CMAC-128",
			[7]string{x.private, x.mine, x.theirs, x.enc, x.mac, x.overTheirs, x.overMine})
	}
}

// agreed holds the second half of PACE against an example: private, own and other
// public key, K_enc, K_MAC, the token over the other's and over the own key.
func agreed(t *testing.T, what string, g group, base []byte, protocol string, x [7]string) {
	t.Helper()
	parameter := 13
	if g.tag() == 0x84 {
		parameter = 0
	}
	offer, err := newOffer(protocol, parameter)
	if err != nil {
		t.Fatal(err)
	}
	private := new(big.Int).SetBytes(unhex(t, x[0]))
	public, err := g.multiply(base, private)
	if err != nil || !bytes.Equal(public, unhex(t, x[1])) {
		t.Errorf("%s: public key %X, %v; want %s", what, public, err, x[1])
	}
	shared, err := g.multiply(unhex(t, x[2]), private)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	run := paceRun{offer: offer, kEnc: sm.KDF(g.secret(shared), 1, sm.AES128), kMac: sm.KDF(g.secret(shared), 2, sm.AES128)}
	if !bytes.Equal(run.kEnc, unhex(t, x[3])) || !bytes.Equal(run.kMac, unhex(t, x[4])) {
		t.Errorf("%s: keys %X %X, want %s %s", what, run.kEnc, run.kMac, x[3], x[4])
	}
	for i, key := range []string{x[2], x[1]} {
		if token, err := run.token(unhex(t, key)); err != nil || !bytes.Equal(token, unhex(t, x[5+i])) {
			t.Errorf("%s: token %X, %v; want %s", what, token, err, x[5+i])
		}
	}
}

// Doc 9303-11 appendix G.2: generic mapping modulo the prime of 1024 bits.
func TestTheCardMapsAsTheExampleModuloAPrime(t *testing.T) {
	g := primeGroups()[0]
	base, err := mapGeneric(g, unhex(t, "FA5B7E3E49753A0DB9178B7B9BD898C8"), new(big.Int).SetBytes(unhex(t, "5265030F751F4AD18B08AC565FC7AC952E41618D")),
		unhex(t, "78879F57225AA8080D52ED0FC890A4B25336F699AA89A2D3A189654AF70729E623EA5738B26381E4DA19E004706FACE7B235C2DBF2F38748312F3C98C2DD4882"+
			"A41947B324AA1259AC22579DB93F7085655AF30889DBB845D9E6783FE42C9F2449400306254C8AE8EE9DD812A804C0B66E8CAFC14F84D8258950A91B44126EE6"))
	if err != nil {
		t.Fatal(err)
	}
	if want := unhex(t, "7C9CBFE98F9FBDDA8D143506FA7D9306F4CB17E3C71707AFF5E1C1A12370249684D64EE37AF44B8DBD9D45BF6023919CBAA027AB97ACC771666C8E98FF483301"+
		"BFA4872DEDE9034EDFACB70814166B7F360676829B826BEA57291B5AD69FBC84EF1E779032A305803F74341793E869742D401325B37EE8565FFCDEE618342DC5"); !bytes.Equal(base, want) {
		t.Fatalf("generator %X", base)
	}
	agreed(t, "G.2", g, base, "id-PACE-DH-GM-AES-CBC-CMAC-128", [7]string{"89CCD99B0E8D3B1F11E1296DCA68EC53411CF2CA",
		"907D89E2D425A178AA81AF4A7774EC8E388C115CAE67031E85EECE520BD911551B9AE4D04369F29A02626C86FBC6747CC7BC352645B6161A2A42D44EDA80A08F" +
			"A8D61B76D3A154AD8A5A51786B0BC07147057871A922212C5F67F43173172236B7747D1671E6D692A3C7D40A0C3C5CE397545D015C175EB5130551EDBC2EE5D4",
		"075693D9AE941877573E634B6E644F8E60AF17A0076B8B123D9201074D36152BD8B3A213F53820C42ADC79AB5D0AEEC3AEFB91394DA476BD97B9B14D0A65C1FC" +
			"71A0E019CB08AF55E1F729005FBA7E3FA5DC41899238A250767A6D46DB974064386CD456743585F8E5D90CC8B4004B1F6D866C79CE0584E49687FF61BC29AEA1",
		"2F7F46ADCC9E7E521B45D192FAFA9126", "805A1D27D45A5116F73C54469462B7D8", "B46DD9BD4D98381F", "917F37B5C0E6D8D1"})
}

// Doc 9303-11 appendix I: chip authentication mapping.
func TestTheCardHidesItsProofAsTheExampleOfChipAuthenticationMapping(t *testing.T) {
	hidden, err := hideMapping(sm.AES128, unhex(t, "0A9DA4DB03BDDE39FC5202BC44B2E89E"), unhex(t, "85DC3FA93D0952BFA82F5FD189EE75BD82F11D1F0B8ED4BF5319AC9B53C426B3"))
	want := "1EEA964DAAE372AC990E3EFDE6333353BFC89A6704D93DA8798CF77F5B7A54BD10CBA372B42BE0B9B5F28AA8DE2F4F92"
	if err != nil || !bytes.Equal(hidden, unhex(t, want)) {
		t.Errorf("the proof is hidden as %X, %v; want %s", hidden, err, want)
	}
	c := blankCard([]Option{WithPACE("id-PACE-ECDH-CAM-AES-CBC-CMAC-128", 13)})
	run := paceRun{offer: c.set.offers[0], kMac: unhex(t, "4B1C06491ED5140CA2B537D344C6C0B1")}
	for key, want := range map[string]string{
		"0402AD566F3C6EC7F9324509AD50A51FA52030782A4968FCFEDF737DAEA993333111C3B9B4C2287789BD137E7F8AA882E2A3C633CCD6ECC2C63C57AD401A09C2E1": "E86BD06018A1CD3B",
		"04446C934084D9DAB863944F219520076C29EE3F7AE6722B11FF319EC1C7728F955483400BFF60BF0C5929270009277DC2A515E12575010AD9BA916CF1BF86FEFC": "8596CF055C67C1A3",
	} {
		if token, err := run.token(unhex(t, key)); err != nil || !bytes.Equal(token, unhex(t, want)) {
			t.Errorf("token %X, %v; want %s", token, err, want)
		}
	}
	// The proof opens to what the mapping's public key is: CA · PK = PK of the mapping.
	keys, err := newChipKeys(c.set, false)
	if err != nil {
		t.Fatal(err)
	}
	c.chip = keys
	var public []byte
	if run.mapping, public, err = newPair(run.offer.group, run.offer.group.base(), randomScalar); err != nil {
		t.Fatal(err)
	}
	run.kEnc = make([]byte, 16)
	proof, err := c.mappingProof(&run)
	if err != nil {
		t.Fatal(err)
	}
	iv, _ := sm.AES128.EncryptCBC(run.kEnc, nil, bytes.Repeat([]byte{0xFF}, 16))
	plain, err := sm.AES128.DecryptCBC(run.kEnc, iv, proof)
	if err != nil {
		t.Fatal(err)
	}
	quotient, err := sm.Unpad(plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := run.offer.group.multiply(keys.agreements[0].public, new(big.Int).SetBytes(quotient)); err != nil || !bytes.Equal(got, public) {
		t.Errorf("the proof does not lead to the mapping's key: %v", err)
	}
}

// Doc 9303-11 appendix F: the message representative of Active Authentication.
func TestTheCardBuildsTheRepresentativeOfTheExample(t *testing.T) {
	const example = "6A9D2784A67F8E7C659973EA1AEA25D95B6C8F91E5002F369F0FBDCE8A3CEC1991B543F1696546C5524CF23A5303CD6C98599F40B79F377B5F3A1406B3B4D8F9" +
		"6784D23AA88DB7E1032A405E69325FA91A6E86F5C71AEA978264C4A207446DAD4E7292E2DCDA3024B47DA8C063AA1E6D22FBD976AB0FE73D94D2D9C6D88127BC"
	f := unhex(t, example)
	k := &key{hash: crypto.SHA1, rsa: &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023)}}}
	got, err := k.representative(unhex(t, "F173589974BF40C6"), func(n int) []byte { return f[1 : 1+n] })
	if err != nil || !bytes.Equal(got, f) {
		t.Errorf("representative %X, %v", got, err)
	}
}

// Long data in chained commands, long answers by GET RESPONSE.
func TestChainedCommandsAndLongAnswers(t *testing.T) {
	r := newTerminal(t, WithoutPACE(), WithoutExtended(), WithChipAuthentication("id-CA-DH-3DES-CBC-CBC", 1, -1), WithActiveAuthentication("RSA-2048", "SHA-256"))
	r.selectApplication()
	if sw := r.bac("099000017699011553901153"); sw != swOK {
		t.Fatalf("BAC: %04X", sw)
	}
	key := r.card.chip.agreements[0]
	private, public, err := newPair(key.group, key.group.base(), randomScalar)
	if err != nil {
		t.Fatal(err)
	}
	data := tlv.Encode(0x91, public)
	if a := r.send(apdu.Command{CLA: 0x10, INS: 0x22, P1: 0x41, P2: 0xA6, Data: data[:200], Le: apdu.NoLe}); a.SW != swOK {
		t.Fatalf("the first part: %04X", a.SW)
	}
	if a := r.send(apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA6, Data: data[200:], Le: apdu.NoLe}); a.SW != swOK {
		t.Fatalf("the last part: %04X", a.SW)
	}
	shared, err := key.group.multiply(key.public, private)
	if err != nil {
		t.Fatal(err)
	}
	secret := key.group.secret(shared)
	if r.session, err = sm.New(sm.TDES, sm.KDF(secret, 1, sm.TDES), sm.KDF(secret, 2, sm.TDES), nil); err != nil {
		t.Fatal(err)
	}
	wrapped, err := r.session.WrapCommand(apdu.Command{INS: 0x88, Data: make([]byte, 8), Le: 256})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := apdu.ParseResponse(r.card.Exchange(wrapped.Bytes()))
	if err != nil || answer.SW>>8 != 0x61 || len(answer.Data) != 0 {
		t.Fatalf("a signature of 256 bytes under secure messaging: %d bytes, %04X; want 61xx", len(answer.Data), answer.SW)
	}
	var whole []byte
	for answer.SW>>8 == 0x61 {
		answer, _ = apdu.ParseResponse(r.card.Exchange([]byte{0x00, 0xC0, 0x00, 0x00, byte(answer.SW)}))
		whole = append(whole, answer.Data...)
	}
	if answer, err = r.session.UnwrapResponse(apdu.Response{Data: whole, SW: answer.SW}); err != nil || len(answer.Data) != 256 {
		t.Errorf("the answer put together: %d bytes, %v", len(answer.Data), err)
	}
	if a := r.raw("00C0000000"); a.SW != swConditions {
		t.Errorf("GET RESPONSE with nothing to give: %04X", a.SW)
	}
}
