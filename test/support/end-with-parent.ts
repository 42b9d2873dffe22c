// Preloaded into a worker that a test starts: when the test's process is gone, however it went, the pipe at stdin closes, and so the worker
// ends as well. Without it a killed test run would leave workers that go on consuming. Changes nothing else about the worker.

process.stdin.once('close', () => process.kill(process.pid, 'SIGKILL')).resume()
// It must not keep a worker alive that has finished.
process.stdin.unref()
