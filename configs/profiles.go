package configs

import "embed"

// Profiles holds the profiles that come with Tram, as profiles/NAME.yaml.
// Package agent/profile reads them.
//
//go:embed profiles/*.yaml
var Profiles embed.FS
