// Package campaign holds the whole system against faults: real tram and
// tram-hub processes, the Mosquitto that ships in configs/mosquitto with
// enrolled certificates, PostgreSQL or the embedded store, and an oracle outside
// all of them that has each accepted record on disk. It has tests only.
//
//	TRAM_SEED=7 go test -run Campaign -v ./hub/campaign             short, one seed
//	TRAM_CAMPAIGN=long go test -run Campaign -v -timeout 80m ./hub/campaign
//	TRAM_CAMPAIGN=120 go test -run Campaign -v ./hub/campaign       so many seconds of each store
//
// docs/proof.md says what is shown where.
package campaign
