package keys

import "fmt"

func openTPM(string, Options) (*Key, error)    { return nil, fmt.Errorf("tpm: %w", ErrNotBuilt) }
func openPKCS11(string, Options) (*Key, error) { return nil, fmt.Errorf("pkcs11: %w", ErrNotBuilt) }
