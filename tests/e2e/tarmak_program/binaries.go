package binaries

func Asset(name string) ([]byte, error) { return []byte(name), nil }
