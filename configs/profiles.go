package configs

import "embed"

// Profiles holds the profiles that come with Tram, as profiles/NAME.yaml.
// Package agent/profile reads them.
//
//go:embed profiles/*.yaml
var Profiles embed.FS

// Catalogues holds the lists to choose from that stand in until the hub sends
// its own, as catalogues/NAME.yaml. Package agent/profile reads them.
//
//go:embed catalogues/*.yaml
var Catalogues embed.FS
