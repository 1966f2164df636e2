// Package child lets tests run parts of themselves in processes of their own, which can be killed, stopped and given another user.
// A test binary starts itself again; Main, called first in TestMain, then runs the role that it was started for.
package child
