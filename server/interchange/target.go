package interchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// place is where a target is to be.
type place struct {
	path string // with no links in it
	// was is the empty directory that is there, nil for none.
	was fs.FileInfo
}

// findTarget follows the links in target, and refuses one that would have to be
// merged with, or that shares a place with a source: what is built there would be
// part of the source, and go with it.
func findTarget(target string, sources ...string) (*place, error) {
	path, err := resolve(target)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	for _, source := range sources {
		at, err := resolve(source)
		if err != nil {
			return nil, err
		}
		for _, made := range []string{path, path + buildSuffix} {
			if within(at, made) || within(made, at) {
				return nil, fmt.Errorf("%w: %s and the source, %s, lie in one another", ErrTarget, made, at)
			}
		}
	}
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &place{path: path}, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrTarget, err)
	case len(entries) > 0:
		return nil, fmt.Errorf("%w: %s has %s", ErrTarget, target, entries[0].Name())
	}
	was, err := os.Stat(path)
	return &place{path, was}, err
}

// resolve follows the links in a path of which the end need not be there.
func resolve(name string) (string, error) {
	at, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	rest := ""
	for {
		real, err := filepath.EvalSymlinks(at)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(at) == at {
			return "", err
		}
		if there, linkErr := exists(at); linkErr != nil || there {
			return "", errors.Join(fmt.Errorf("%s is a link that leads nowhere", at), linkErr)
		}
		rest, at = filepath.Join(filepath.Base(at), rest), filepath.Dir(at)
	}
}

// within tells whether a path is dir, or below it. Both are absolute.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// keptBits are what a directory keeps of its mode.
const keptBits = fs.ModePerm | fs.ModeSetgid | fs.ModeSticky

// makeRoom gives the build owner and mode of the empty directory that it is to
// replace, and finds out whether that can be replaced: a mount point cannot, which
// must be known before the work and not after it.
func (p *place) makeRoom(build string) error {
	if p.was == nil {
		return nil
	}
	if err := p.keep(build); err != nil {
		return err
	}
	if err := p.removeEmpty(); err != nil {
		return err
	}
	// It stays what it was until there is something to put in its place.
	if err := os.Mkdir(p.path, 0o700); err != nil {
		return err
	}
	return p.keep(p.path)
}

// keep gives a directory the owner and mode of the one that was there.
func (p *place) keep(dir string) error {
	if err := keepOwner(dir, p.was); err != nil {
		return err
	}
	return os.Chmod(dir, p.was.Mode()&keptBits|0o700)
}

func (p *place) removeEmpty() error {
	if p.was == nil {
		return nil
	}
	if err := os.Remove(p.path); err != nil {
		return fmt.Errorf("%s cannot be replaced by what is built beside it: name a folder in it that does not exist yet: %w", p.path, err)
	}
	return nil
}
