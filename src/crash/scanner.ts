/** The stand-in for clamd as a process of its own, which can be killed by itself. Its one argument is the port. */
import { reasonOf } from '../errors.js'
import { startScriptedClamd } from '../lab/clamd.js'

const [port = ''] = process.argv.slice(2)

startScriptedClamd(Number(port)).catch((error: unknown) => {
  process.stderr.write(`${reasonOf(error)}\n`)
  process.exitCode = 1
})
