package benchproto

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseTouch(t *testing.T) {
	for _, ok := range []Touch{TouchNone, TouchFill, TouchPage, TouchAll} {
		got, err := ParseTouch(string(ok))
		require.NoError(t, err)
		assert.Equal(t, ok, got)
	}
	_, err := ParseTouch("some")
	assert.EqualError(t, err, `touch "some" is not one of none, fill, page, all`)
}

func TestBlockSizesCoverTheCount(t *testing.T) {
	for _, count := range []int{0, 1, 19, 20, 21, 99, 100000} {
		sizes := BlockSizes(count)
		sum := 0
		for _, size := range sizes {
			assert.Positive(t, size)
			sum += size
		}
		assert.Equal(t, count, sum)
		assert.Len(t, sizes, min(count, Blocks))
	}
}

func TestPayloadSizeHoldsTheFramesInFlightAndOneMore(t *testing.T) {
	assert.EqualValues(t, 2*128, PayloadSize(64, 1))
	assert.EqualValues(t, 2*128, PayloadSize(1, 1))
	assert.EqualValues(t, 3*64, PayloadSize(0, 2))
}

func TestControlFileHasTheStatedBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	require.NoError(t, CreateControlFile(path))
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, image, 4096)
	assert.Equal(t, "ZDBENCH1", string(image[:8]))
	for offset, b := range image[8:] {
		require.Zerof(t, b, "byte %d", offset+8)
	}
	assert.ErrorIs(t, CreateControlFile(path), os.ErrExist)

	line, err := OpenLine(path)
	require.NoError(t, err)
	line.Prepare(5)
	line.Ask(AskNote)
	line.WriteNote(Note{CPU: 6, MajorFaults: 7})
	line.ball.Store(0x1122)
	require.NoError(t, line.Close())
	image, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.EqualValues(t, 5, binary.LittleEndian.Uint64(image[0x80:]))
	assert.EqualValues(t, AskNote, binary.LittleEndian.Uint64(image[0x88:]))
	assert.EqualValues(t, 7, binary.LittleEndian.Uint64(image[0x188:]))
	assert.EqualValues(t, 7, binary.LittleEndian.Uint64(image[0x1a0:]))
	assert.EqualValues(t, 0x1122, binary.LittleEndian.Uint64(image[0x100:]))
}

func TestOpenLineRefusesWhatIsNoControlFile(t *testing.T) {
	folder := t.TempDir()
	_, err := OpenLine(filepath.Join(folder, "missing"))
	assert.ErrorIs(t, err, os.ErrNotExist)

	short := filepath.Join(folder, "short")
	require.NoError(t, os.WriteFile(short, []byte("ZDBENCH1"), 0o600))
	_, err = OpenLine(short)
	assert.ErrorContains(t, err, "want a regular file of 4096 bytes")

	foreign := filepath.Join(folder, "foreign")
	require.NoError(t, os.WriteFile(foreign, make([]byte, FileSize), 0o600))
	_, err = OpenLine(foreign)
	assert.ErrorContains(t, err, "its first eight bytes are 0x0")
}

func TestTheBallGoesThereAndBack(t *testing.T) {
	line := NewLine(make([]byte, FileSize))
	const rounds = LimitWarmup + 50
	line.Prepare(rounds)
	served := make(chan error, 1)
	go func() { served <- line.Return() }()
	samples, err := line.Serve(rounds, NewClock(), nil)
	require.NoError(t, err)
	require.NoError(t, <-served)
	assert.Len(t, samples, rounds-LimitWarmup)
	assert.EqualValues(t, 2*rounds, line.ball.Load())
}

func TestReturnRefusesUnboundedRounds(t *testing.T) {
	line := NewLine(make([]byte, FileSize))
	assert.ErrorContains(t, line.Return(), "0 rounds asked for")
	line.rounds.Store(MaxRounds + 1)
	assert.ErrorContains(t, line.Return(), "1000001 rounds asked for")
}

func TestBothSidesGiveUpOnADeadPeer(t *testing.T) {
	line := NewLine(make([]byte, FileSize))
	line.stall = time.Millisecond
	line.Prepare(1)
	_, err := line.Serve(1, NewClock(), nil)
	assert.ErrorIs(t, err, ErrStalled)
	line.Prepare(1)
	assert.ErrorIs(t, line.Return(), ErrStalled)
}

func TestClockSampleIsNeverNegative(t *testing.T) {
	clock := Clock{cost: 20}
	assert.EqualValues(t, 80, clock.Sample(100, 200))
	assert.EqualValues(t, 0, clock.Sample(100, 110))
	assert.GreaterOrEqual(t, NewClock().Cost(), int64(0))
}
