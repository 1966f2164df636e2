// Package modelagent is an agent with an implementation of ZeroBuffer v1 of its own, made of the same bytes as the runner's raw peer and of
// no SDK. The runner's tests run the v1 suites with it: right, it must be green everywhere; with a fault, the case that is about it must
// turn red.
package modelagent

// Fault is what is wrong with the model.
type Fault string

// The faults of a writer, then those of a reader.
const (
	None Fault = "none"

	CountsMarkers    Fault = "counts-markers"     // counts a marker at every lap, written or not
	LeavesTails      Fault = "leaves-tails"       // does not wrap early, so that tails of 1 to 15 bytes are left
	LeavesEnd        Fault = "leaves-end"         // stores the payload's size as write_pos after an exact fit
	WaitsInVain      Fault = "waits-in-vain"      // waits for room that can never be, instead of saying so
	WrapsAtAcquire   Fault = "wraps-at-acquire"   // wraps when a frame is acquired, not when it is committed
	SkipsSequence    Fault = "skips-sequence"     // an aborted frame takes a sequence number
	ForgetsPost      Fault = "forgets-post"       // posts every other frame only
	RestartsDeadline Fault = "restarts-deadline"  // waits the whole time anew after every token
	TakesOver        Fault = "takes-over"         // attaches although another writer lives
	KeepsPid         Fault = "keeps-pid"          // leaves its pid behind when it could not attach
	JudgesUnfinished Fault = "judges-unfinished"  // judges the sizes of a buffer whose reader is still filling it in
	TrustsDeadReader Fault = "trusts-dead-reader" // waits for a dead reader until its time is over
	WritesTwice      Fault = "writes-twice"       // writes metadata a second time
	LosesWritten     Fault = "loses-written"      // publishes every 50th frame with the data of the one before

	CreditsAtOnce    Fault = "credits-at-once"   // gives the space of a frame back while an older one is held
	CreditsWaste     Fault = "credits-waste"     // gives waste back while an older frame is held
	CreditsAtRead    Fault = "credits-at-read"   // gives the space of a frame back when it is read
	PostsForever     Fault = "posts-forever"     // posts without bound
	NeverPosts       Fault = "never-posts"       // never says that there is space
	TrustsTails      Fault = "trusts-tails"      // reads a header in a tail of 1 to 15 bytes
	IgnoresSequence  Fault = "ignores-sequence"  // takes any sequence number
	RefusesRestart   Fault = "refuses-restart"   // takes no second writer
	MissesDeath      Fault = "misses-death"      // notices a dead writer at the end of its time only
	BlamesNobody     Fault = "blames-nobody"     // takes a writer that never came for a dead one
	LosesQueued      Fault = "loses-queued"      // says that the writer is dead before it has read everything
	LosesUnposted    Fault = "loses-unposted"    // does not look for a frame whose writer died before it posted
	TrustsTokens     Fault = "trusts-tokens"     // takes a token for a frame without looking at the count
	VisibleTooSoon   Fault = "visible-too-soon"  // stores the identity before the semaphores are there
	TakesOneLock     Fault = "takes-one-lock"    // takes the owner lock of one folder only
	DeletesLiving    Fault = "deletes-living"    // replaces the buffer of a living reader
	LeavesSemaphores Fault = "leaves-semaphores" // does not remove its semaphores
	LosesRead        Fault = "loses-read"        // skips every 50th frame
	ReleasesTwice    Fault = "releases-twice"    // gives the space back again when a frame is released again
	ReadsReleased    Fault = "reads-released"    // shows a frame that was released
)

// Faults lists all faults.
var Faults = []Fault{
	CountsMarkers, LeavesTails, LeavesEnd, WaitsInVain, WrapsAtAcquire, SkipsSequence, ForgetsPost, RestartsDeadline, TakesOver, KeepsPid,
	JudgesUnfinished, TrustsDeadReader, WritesTwice, LosesWritten, CreditsAtOnce, CreditsWaste, CreditsAtRead, PostsForever, NeverPosts, TrustsTails, IgnoresSequence,
	RefusesRestart, MissesDeath, BlamesNobody, LosesQueued, LosesUnposted, TrustsTokens, VisibleTooSoon, TakesOneLock, DeletesLiving,
	LeavesSemaphores, LosesRead, ReleasesTwice, ReadsReleased,
}
