//go:build linux

package isolation

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A user and a group that exist nowhere: nothing but numbers matters.
const (
	strangerUID = 54321
	strangerGID = 54322
	sharedGID   = 54323
)

func TestAnotherUserIsRefusedByDefault(t *testing.T) {
	needRoot(t)
	inTurn(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		server := serve(t, serverLanguage, channel, room{}, nil)
		client := enlist(t, clientLanguage, "client", room{uid: strangerUID, gid: strangerGID})
		for _, allow := range []bool{false, true} {
			message := client.refused("connect", args{"name": channel, "allow_other_users": allow}, "permission_denied")
			assert.Contains(t, message, "allow other users")
			assert.Contains(t, message, "mode")
		}
		server.do("close", nil)
	})
}

// The mode alone is not enough: whoever connects must want to trust another user's object, root too.
func TestTheClientMustAllowAnotherUsersServer(t *testing.T) {
	needRoot(t)
	inTurn(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		server := serve(t, serverLanguage, channel, room{uid: strangerUID, gid: strangerGID}, args{"mode": 0o666})
		client := enlist(t, clientLanguage, "client", room{})
		message := client.refused("connect", args{"name": channel}, "permission_denied")
		assert.Contains(t, message, "allow other users")
		assert.Contains(t, message, "54321", "it says whose it is")
		client.do("connect", args{"name": channel, "allow_other_users": true})
		exchange(t, client)
		client.do("close", nil)
		server.do("close", nil)
	})
}

func TestAGroupMayBeLetIn(t *testing.T) {
	needRoot(t)
	inTurn(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		server := serve(t, serverLanguage, channel, room{uid: strangerUID, gid: sharedGID}, args{"mode": 0o660})
		member := enlist(t, clientLanguage, "client", room{uid: strangerUID + 1, gid: sharedGID})
		member.refused("connect", args{"name": channel}, "permission_denied")
		member.do("connect", args{"name": channel, "allow_other_users": true})
		exchange(t, member)
		member.do("close", nil)

		outsider := enlist(t, clientLanguage, "client", room{uid: strangerUID + 1, gid: strangerGID})
		outsider.refused("connect", args{"name": channel, "allow_other_users": true}, "permission_denied")
		server.do("close", nil)
	})
}

// Another user's name is not taken away, nor can he take ours.
func TestAnotherUsersNameIsNotTaken(t *testing.T) {
	needRoot(t)
	inTurn(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		server := serve(t, serverLanguage, channel, room{}, nil)
		// In a container, where no lock file tells of the first one.
		thief := enlist(t, clientLanguage, "server", room{container: true, uid: strangerUID, gid: strangerGID})
		thief.refused("create", args{"name": channel, "payload_size": 1024}, "name_in_use")
		client := enlist(t, clientLanguage, "client", room{})
		client.do("connect", args{"name": channel})
		exchange(t, client)
		client.do("close", nil)
		server.do("close", nil)
	})
}
