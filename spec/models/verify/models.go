package main

// promelaChecks is every search of the models: the protocol as it is first, the largest of them at the start, then the faults.
func promelaChecks(models string) []check {
	holds := []promela{
		{model: "ring/ring", defines: []string{"P=5"}},
		{model: "lifecycle/attach", defines: []string{"SERVERS=1", "CLIENTS=2"}, unreached: 31}, // what only a second server makes happen
		{model: "lifecycle/attach", defines: []string{"SERVERS=2", "CLIENTS=1"}, unreached: 3},  // resets
		{model: "lifecycle/stop", unreached: 2},                                                 // the two that assert that nobody is taken for corrupted
		{model: "lifecycle/stop", defines: []string{"NO_SLICES"}, livelock: true},
		{model: "waiting/requests"},
		{model: "waiting/responses"},
		{model: "waiting/space"},
		{model: "waiting/drain"},
	}
	faults := []struct {
		model   string
		defines []string
		faults  []string
	}{
		{"ring/ring", []string{"P=4"}, []string{
			"BYTES_BEFORE_COUNT", "COUNT_BEFORE_BYTES", "LAP_IN_FLIGHT", "LAP_OF_EXACTLY_P", "RECLAIM_BY_TIMEOUT",
			"RECLAIM_CANCELLED_AT_ONCE", "RECLAIM_UNDER_A_WAITER", "RESET_BESIDE_HANDLERS", "TAKE_WITHOUT_SWAP", "TOUCH_AFTER_ONE_WAY",
			"WASTE_EARLY",
		}},
		{"lifecycle/attach", []string{"SERVERS=1", "CLIENTS=2"}, []string{
			"CLOSE_UNLOCKS_FIRST", "FREE_BEFORE_SEMAPHORES", "NO_LOOK_AFTER_SEMAPHORES", "READY_BEFORE_SEMAPHORES",
			"RESET_BESIDE_HANDLERS", "SEMAPHORES_BEFORE_RESET",
		}},
		{"lifecycle/attach", []string{"SERVERS=2", "CLIENTS=1"}, []string{
			"CLEAR_WITHOUT_LOCK", "CLEAR_WITHOUT_LOOKING", "NAME_BEFORE_LOCK", "UNLOCK_BEFORE_UNLINK",
		}},
		{"lifecycle/stop", nil, []string{
			"CLOSE_SILENTLY", "CLOSE_WITHOUT_WAITING", "LEAVE_SILENTLY", "LOCK_BEFORE_PID", "NO_LOOK_AFTER_FAILURE", "STOP_SILENTLY",
		}},
		{"waiting/requests", nil, []string{
			"NO_FENCE_AFTER_PUBLISHING", "NO_FENCE_AFTER_WAITING", "POST_BEFORE_PUBLISHING", "ROLE_TAKEN_LATE", "TAKEN_SILENTLY",
		}},
		{"waiting/responses", nil, []string{
			"NO_FENCE_AFTER_ANSWERING", "NO_FENCE_AFTER_WAITING", "ONE_TOKEN_FOR_ONE_ANSWER", "POST_BEFORE_ANSWERING",
			"ROLE_LEFT_SILENTLY", "TOKEN_TAKEN_AWAKE", "TWO_SLEEPERS",
		}},
		{"waiting/space", nil, []string{
			"ABANDONED_SILENTLY", "FLAG_BEFORE_STATE", "NO_FENCE_AFTER_ABANDONING", "NO_FENCE_AFTER_ANSWERING",
			"NO_FENCE_AFTER_ONE_WAY", "NO_FENCE_AFTER_SKIPPING", "NO_FENCE_AFTER_WAITING", "NO_LOOK_AFTER_ABANDONING",
		}},
		{"waiting/drain", nil, []string{"LATE_RELEASE_SILENT", "NO_FENCE_AFTER_RELEASING", "NO_FENCE_AFTER_WAITING"}},
	}
	var checks []check
	for _, p := range holds {
		p.models = models
		checks = append(checks, p)
	}
	for _, f := range faults {
		for _, fault := range f.faults {
			deep := fault == "WASTE_EARLY" || fault == "LAP_IN_FLIGHT"
			checks = append(checks, promela{models: models, model: f.model, defines: f.defines, fault: fault, deep: deep})
		}
	}
	return checks
}
