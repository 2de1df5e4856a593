/** Reads long messages piece by piece, so that a connection with much to send does not hold up all others. */
import constants from 'haraka-constants'
import type { Connection } from './types.js'

const { DATA, PAUSE_DATA } = constants.connection.state
/** Bytes of a message in one turn of the event loop: Node.js would take 2 MB from a fast socket, and Haraka reads line by line. */
const TURN_BYTES = 64 * 1024

/** From now on, for as long as the connection lives. */
export function readFairly(connection: Connection): void {
  const { client } = connection
  let read = 0
  client.on('data', (chunk) => {
    if (connection.state !== DATA) return
    read += chunk.length
    if (read < TURN_BYTES) return
    read = 0
    client.pause()
    // Haraka may have paused it meanwhile for reasons of its own: it then goes on by itself.
    setImmediate(() => {
      if (connection.state !== PAUSE_DATA) client.resume()
    })
  })
}
