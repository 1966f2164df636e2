package birth

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilesOneAfterTheOther(t *testing.T) {
	require.Zero(t, Of(-1), "no file")
	folder := t.TempDir()
	made := func() Time {
		f, err := os.CreateTemp(folder, "")
		require.NoError(t, err)
		defer f.Close()
		return Of(int(f.Fd()))
	}
	first := made()
	require.Equal(t, first == Time{}, made() == Time{}, "the file system knows or does not")
	for first != (Time{}) && !first.Before(made()) {
	}
}
