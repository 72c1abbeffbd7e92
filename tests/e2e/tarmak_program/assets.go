package assets

import (
	"embed"
	"os"
)

//go:embed all:files
var files embed.FS

func RestoreAssets(dir, name string) error { return restore("files", dir) }

func restore(from, to string) error {
	entries, err := files.ReadDir(from)
	if err != nil {
		data, err := files.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o755)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, entry := range entries {
		if err := restore(from+"/"+entry.Name(), to+"/"+entry.Name()); err != nil {
			return err
		}
	}
	return nil
}
