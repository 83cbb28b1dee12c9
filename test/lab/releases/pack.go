package releases

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

const sumsFile = "SHA256SUMS"

// packer owns the files of an archive. The official archives carry the numeric
// owner of whoever made them too, and tar restores it when root unpacks: an
// installer that doesn't reset the owner leaves programs that a stranger may
// overwrite.
const packer = 1000

// pack writes the programs of the folder bin, under the folder name, into a
// gzipped tar archive. Equal programs make an equal archive.
func pack(archive, name, bin string) error {
	programs, err := os.ReadDir(bin)
	if err != nil {
		return err
	}
	out, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer out.Close()
	gz, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(gz)
	header := func(typeflag byte, name string, mode, size int64) error {
		return tw.WriteHeader(&tar.Header{
			Typeflag: typeflag, Name: name, Mode: mode, Size: size,
			Uid: packer, Gid: packer, ModTime: time.Unix(0, 0), Format: tar.FormatGNU,
		})
	}
	if err := header(tar.TypeDir, name+"/", 0o755, 0); err != nil {
		return err
	}
	readme := []byte("Built from the Go modules for a test lab.\n")
	if err := header(tar.TypeReg, name+"/README.md", 0o644, int64(len(readme))); err != nil {
		return err
	}
	if _, err := tw.Write(readme); err != nil {
		return err
	}
	for _, p := range programs {
		data, err := os.ReadFile(filepath.Join(bin, p.Name()))
		if err != nil {
			return err
		}
		if err := header(tar.TypeReg, name+"/"+p.Name(), 0o755, int64(len(data))); err != nil {
			return err
		}
		if _, err := io.Copy(tw, bytes.NewReader(data)); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	if err := gz.Close(); err != nil {
		return err
	}
	return out.Close()
}

// publish moves the archive to dir and then writes its checksum there: a
// SHA256SUMS file says that the release is complete.
func publish(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	name := filepath.Base(archive)
	if err := os.Rename(archive, filepath.Join(dir, name)); err != nil {
		return err
	}
	tmp := filepath.Join(dir, "."+sumsFile)
	line := fmt.Sprintf("%x  %s\n", h.Sum(nil), name)
	if err := os.WriteFile(tmp, []byte(line), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, sumsFile))
}
