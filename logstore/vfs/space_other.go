//go:build !linux && !darwin && !freebsd && !windows

package vfs

import (
	"errors"
	"os"
)

func spaceAt(*os.File) (Space, error) { return Space{}, errors.ErrUnsupported }
