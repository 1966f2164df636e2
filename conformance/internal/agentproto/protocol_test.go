package agentproto

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFraming(t *testing.T) {
	var pipe bytes.Buffer
	require.NoError(t, Write(&pipe, SentReport{Sequence: 7}))
	assert.Equal(t, "\x0e\x00\x00\x00{\"sequence\":7}", pipe.String())
	content, err := Read(&pipe)
	require.NoError(t, err)
	assert.Equal(t, `{"sequence":7}`, string(content))
	_, err = Read(&pipe)
	assert.Equal(t, io.EOF, err)
}

func TestFramingRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"\x01\x00":              "cut off",
		"\x05\x00\x00\x00abc":   "cut off",
		"\x01\x00\x00\x01":      "the limit is",
		"HTTP/1.1 200 OK\r\n\r": "the limit is",
	} {
		_, err := Read(bytes.NewBufferString(text))
		assert.ErrorContains(t, err, says)
		assert.False(t, errors.Is(err, io.EOF), "that looks like a clean end")
	}
}

func TestDecodeIsStrict(t *testing.T) {
	good, err := Decode[SendArgs]([]byte(`{"size":18446744073709551615,"seed":2,"one_way":true}`))
	require.NoError(t, err)
	assert.Equal(t, uint64(1<<64-1), good.Size)
	assert.Nil(t, good.Opcode)
	for _, text := range []string{
		`{"size":1}`, `{"size":1,"seed":2,"sed":3}`, `{"size":1,"seed":null}`, `{"size":1,"seed":2,"opcode":null}`, `{"size":-1,"seed":2}`,
		`{"size":1.5,"seed":2}`, `{"size":"1","seed":2}`, `[]`, `{`, ``,
	} {
		_, err := Decode[SendArgs]([]byte(text))
		assert.Error(t, err, text)
	}
}

func TestOperationKnowsRoles(t *testing.T) {
	_, ok := Operation(RoleServer, OpCreate)
	assert.True(t, ok)
	_, ok = Operation(RoleClient, OpCreate)
	assert.False(t, ok)
	_, ok = Operation(RoleClient, OpReset)
	assert.True(t, ok)
}
