/** The embedded mailbox store of an instance as a process of its own, which can be killed by itself. Its one argument is the directory. */
import { readInstance } from '../cli/instance.js'
import { reasonOf } from '../errors.js'
import { openEmbeddedStore } from '../haraka/embedded-store.js'

const [directory = ''] = process.argv.slice(2)

openEmbeddedStore(readInstance(directory), (line) => process.stdout.write(`${line}\n`)).catch((error: unknown) => {
  process.stderr.write(`${reasonOf(error)}\n`)
  process.exitCode = 1
})
