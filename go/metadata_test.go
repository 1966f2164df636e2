//go:build linux

package zeroduplex

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetadataBothWays(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		s := p.serve(echo)
		content, err := s.ClientMetadata()
		require.NoError(t, err)
		require.Nil(t, content, "nobody is there")
		c := p.connect()
		content, err = c.ServerMetadata()
		require.NoError(t, err)
		require.Nil(t, content, "nothing is written")

		require.NoError(t, s.SetMetadata([]byte("from the server")))
		require.NoError(t, c.SetMetadata([]byte("from the client")))
		content, err = c.ServerMetadata()
		require.NoError(t, err)
		require.Equal(t, "from the server", string(content))
		content[0] = 'X' // a copy
		content, err = c.ServerMetadata()
		require.NoError(t, err)
		require.Equal(t, "from the server", string(content))
		content, err = s.ClientMetadata()
		require.NoError(t, err)
		require.Equal(t, "from the client", string(content))

		requireError(t, s.SetMetadata(nil), ErrMetadataAlreadyWritten)
		requireError(t, c.SetMetadata([]byte("again")), ErrMetadataAlreadyWritten)

		t.Run("the next client writes anew and finds the server's", func(t *testing.T) {
			require.NoError(t, c.Close())
			next := p.connect()
			content, err := s.ClientMetadata()
			require.NoError(t, err)
			require.Nil(t, content)
			require.NoError(t, next.SetMetadata([]byte("next")))
			content, err = s.ClientMetadata()
			require.NoError(t, err)
			require.Equal(t, "next", string(content))
			content, err = next.ServerMetadata()
			require.NoError(t, err)
			require.Equal(t, "from the server", string(content))
		})
	})
}

func TestMetadataLimits(t *testing.T) {
	// 256 asked for: the request block ends on a multiple of 64 behind 0xB0, so it has 272; the response block has 256.
	p := newHeap(t, 256, smallPayload)
	s := p.serve(echo)
	c := p.connect()
	requireError(t, s.SetMetadata(make([]byte, 249)), ErrMetadataTooLarge)
	require.NoError(t, s.SetMetadata(bytes.Repeat([]byte{1}, 248)), "a refused attempt was not the one")
	err := c.SetMetadata(make([]byte, 265))
	requireError(t, err, ErrMetadataTooLarge)
	require.ErrorContains(t, err, "265 bytes, room for 264")
	require.NoError(t, c.SetMetadata(bytes.Repeat([]byte{2}, 264)))
	content, err := s.ClientMetadata()
	require.NoError(t, err)
	require.Equal(t, bytes.Repeat([]byte{2}, 264), content)
	content, err = c.ServerMetadata()
	require.NoError(t, err)
	require.Equal(t, bytes.Repeat([]byte{1}, 248), content)

	t.Run("without blocks", func(t *testing.T) {
		p := newHeap(t, 0, smallPayload)
		s := p.serve(echo)
		c := p.connect()
		requireError(t, s.SetMetadata([]byte{}), ErrMetadataTooLarge)
		requireError(t, c.SetMetadata(make([]byte, 9)), ErrMetadataTooLarge)
		require.NoError(t, c.SetMetadata(make([]byte, 8)), "rounding leaves 16 bytes")
	})
	t.Run("empty is not unwritten", func(t *testing.T) {
		p := newHeap(t, 64, smallPayload)
		s := p.serve(echo)
		c := p.connect()
		require.NoError(t, c.SetMetadata(nil))
		content, err := s.ClientMetadata()
		require.NoError(t, err)
		require.NotNil(t, content)
		require.Empty(t, content)
		require.NoError(t, s.SetMetadata(nil))
		requireError(t, s.SetMetadata(nil), ErrMetadataAlreadyWritten)
	})
}

func TestMetadataIsNotTrusted(t *testing.T) {
	p := newHeap(t, 256, smallPayload)
	s := p.serve(echo)
	c := p.connect()
	require.NoError(t, c.SetMetadata([]byte("x")))
	block := c.seg.Request
	for _, written := range []uint64{1, 7, 273, 1 << 40, ^uint64(0)} {
		block.MetadataWrittenBytes.Store(written)
		_, err := s.ClientMetadata()
		requireError(t, err, ErrCorrupted)
	}
	block.MetadataWrittenBytes.Store(100) // the prefix says 1
	_, err := s.ClientMetadata()
	requireError(t, err, ErrCorrupted)
	block.MetadataWrittenBytes.Store(9)
	content, err := s.ClientMetadata()
	require.NoError(t, err)
	require.Equal(t, "x", string(content))
}
