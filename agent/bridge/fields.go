package bridge

import (
	"encoding/base64"

	"tram/agent/visit"
)

// proof is what every bridge adds to the vendor's fields: where the data comes
// from, what was checked, and what the person agreed to.
func proof(r visit.Result) map[string]any {
	return map[string]any{
		"source": r.Source, "verification": r.Verification, "assurance": r.Assurance,
		"consentId": r.ConsentID, "visit": r.Visit,
	}
}

// with adds a person's fields under the names that a protocol gives them; those
// that the profile does not keep are empty.
func with(out map[string]any, r visit.Result, names map[string]string) map[string]any {
	person := r.Person.Reveal()
	for theirs, ours := range names {
		out[theirs] = person[ours]
	}
	return out
}

func base64Of(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// readerNames are the names of the HN212's own protocol, which are ours.
var readerNames = map[string]string{
	"idCode": "idCode", "oldIdCode": "oldIdCode", "personName": "personName", "dateOfBirth": "dateOfBirth",
	"gender": "gender", "nationality": "nationality", "race": "race", "religion": "religion",
	"originPlace": "originPlace", "residencePlace": "residencePlace", "personalIdentification": "personalIdentification",
	"issueDate": "issueDate", "expiryDate": "expiryDate", "fatherName": "fatherName", "motherName": "motherName", "wifeName": "wifeName",
}

// webhookNames are those of the hospital's webhook.
var webhookNames = map[string]string{
	"id_card": "idCode", "full_name": "personName", "date_of_birth": "dateOfBirth", "gender": "gender",
	"nationality": "nationality", "race": "race", "religion": "religion", "place_of_origin": "originPlace",
	"place_of_residence": "residencePlace", "personal_identification": "personalIdentification",
	"date_of_issue": "issueDate", "date_of_expiry": "expiryDate", "father_name": "fatherName", "mother_name": "motherName",
	"wife_name": "wifeName", "old_id_card": "oldIdCode",
}

// cardNames are those of the REST service.
var cardNames = map[string]string{
	"cardNumber": "idCode", "fullName": "personName", "dateOfBirth": "dateOfBirth", "gender": "gender",
	"nationality": "nationality", "hometown": "originPlace", "permanentAddress": "residencePlace",
	"issueDate": "issueDate", "expiryDate": "expiryDate",
}
