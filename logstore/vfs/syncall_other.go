//go:build !linux

package vfs

import (
	"errors"
	"os"
)

func syncAll(*os.File) error { return errors.ErrUnsupported }

func sameDevice(_, _ *os.File) bool { return false }

func writtenBack(*os.File) error { return errors.ErrUnsupported }
