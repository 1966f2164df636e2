// Package agentproto is the protocol between the runner and its agents: messages, generated from schema/agent.yaml, and their framing.
package agentproto

//go:generate go run ../../cmd/agentgen -root ../../..

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// MaxMessage is the largest message in bytes.
const MaxMessage = 16 << 20

// TypeHello and TypeResponse are the values of an agent's messages' field "type".
const (
	TypeHello    = "hello"
	TypeResponse = "response"
)

// ErrorUnexpected is the name of an error that is none of the SDK's.
const ErrorUnexpected = "unexpected"

// FieldInfo describes a member of a message; Type is as in the schema.
type FieldInfo struct {
	Name     string
	Type     string
	Optional bool
}

// OperationInfo describes an operation.
type OperationInfo struct {
	Name   string
	Roles  []string
	Args   []FieldInfo
	Result []FieldInfo
}

// Operation finds an operation of a role.
func Operation(role, name string) (OperationInfo, bool) {
	for _, o := range Operations {
		if o.Name == name && slices.Contains(o.Roles, role) {
			return o, true
		}
	}
	return OperationInfo{}, false
}

// HelloFields are the members of hello, for checking one that was read.
func HelloFields() []FieldInfo { return Hello{}.fields() }

// Read reads one message. io.EOF means that the other side closed between messages.
func Read(r io.Reader) ([]byte, error) {
	var prefix [4]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("the length of a message is cut off: %w", err)
		}
		return nil, err
	}
	size := binary.LittleEndian.Uint32(prefix[:])
	if size > MaxMessage {
		return nil, fmt.Errorf("a message of %d bytes is announced (bytes % x), the limit is %d", size, prefix, MaxMessage)
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, fmt.Errorf("a message of %d bytes is cut off: %w", size, io.ErrUnexpectedEOF)
	}
	return content, nil
}

// Write writes one message in one piece.
func Write(w io.Writer, message any) error {
	content, err := json.Marshal(message)
	if err != nil {
		return err
	}
	framed := binary.LittleEndian.AppendUint32(make([]byte, 0, len(content)+4), uint32(len(content)))
	_, err = w.Write(append(framed, content...))
	return err
}

// Record is a generated message.
type Record interface{ fields() []FieldInfo }

// Decode reads a message strictly: nothing unknown, nothing missing, nothing null.
func Decode[T Record](content []byte) (T, error) {
	var message T
	var members map[string]json.RawMessage
	if err := json.Unmarshal(content, &members); err != nil {
		return message, err
	}
	for _, f := range message.fields() {
		value, there := members[f.Name]
		if !there && !f.Optional {
			return message, fmt.Errorf("%q is missing", f.Name)
		}
		if bytes.Equal(bytes.TrimSpace(value), []byte("null")) {
			return message, fmt.Errorf("%q is null", f.Name)
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&message)
	return message, err
}
