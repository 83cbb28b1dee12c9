package tasks_test

import (
	"testing"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

func TestCases(t *testing.T) {
	tasktest.RunFiles(t, tasks.Builtin(), "testdata/cases/*.yml")
}
