package profile

import (
	"fmt"
	"io/fs"
	"path"

	"tram/configs"
)

// Catalogue is the list of that name which comes with Tram: what a device asks
// from until its hub has sent a list of its own. A name that is not known gives
// an empty list.
func Catalogue(name string) ([]Option, error) {
	file := path.Join("catalogues", name+".yaml")
	data, err := fs.ReadFile(configs.Catalogues, file)
	if err != nil {
		return nil, nil // only the hub has it
	}
	var list struct {
		Entries []Option `yaml:"entries"`
	}
	if _, problems := configs.Decode(file, data, &list); len(problems) > 0 {
		return nil, fmt.Errorf("read the catalogue %s: %w", name, problems)
	}
	return list.Entries, nil
}
