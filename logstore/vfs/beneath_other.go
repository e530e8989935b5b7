//go:build !linux

package vfs

import (
	"errors"
	"io/fs"
	"os"
)

func beneath(*os.Root) *os.File { return nil }

func openBeneath(*os.File, string, string, int, fs.FileMode) (*os.File, error) {
	return nil, errors.ErrUnsupported
}

func statBeneath(*os.File, string, string, bool) (fs.FileInfo, error) {
	return nil, errors.ErrUnsupported
}

func renameBeneath(*os.File, string, string, string, string) error { return errors.ErrUnsupported }
