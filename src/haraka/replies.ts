/**
 * What other hosts say, as Haraka's outbound session should hear it. Its reading of replies loses recipients, believes for good what
 * anybody may have said before encryption, and speaks on in clear where that was not allowed.
 */

/** Haraka's connections to other hosts. */
export interface ClientPool {
  get_client(mx: unknown, done: ConnectionDone): void
}

type ConnectionDone = (error: unknown, socket: OutboundSocket | null) => void

export interface OutboundSocket {
  emit(event: string, ...args: readonly unknown[]): boolean
  isEncrypted(): boolean | undefined
}

const interpreted = new WeakSet<ClientPool>()

/** From now on every new connection's replies are heard like this. `mustEncrypt` tells of an exchange whether it has to. */
export function interpretReplies(pool: ClientPool, mustEncrypt: (mx: unknown) => boolean): void {
  if (interpreted.has(pool)) return
  interpreted.add(pool)
  const connect = pool.get_client.bind(pool)
  pool.get_client = (mx, done) =>
    connect(mx, (error, socket) => {
      if (socket !== null) interpret(socket, () => mustEncrypt(mx) && socket.isEncrypted() !== true)
      done(error, socket)
    })
}

function interpret(socket: OutboundSocket, isExposed: () => boolean): void {
  const emit = socket.emit.bind(socket)
  socket.emit = (event, ...args) => {
    const [line] = args
    return event === 'line' && typeof line === 'string' ? emit('line', heard(line, isExposed())) : emit(event, ...args)
  }
}

/** One line of a reply. */
export function heard(line: string, isExposed: boolean): string {
  // Haraka gives a message up for good when it does not understand a line.
  if (!/^[2-5]\d\d[ -]/.test(line)) return '451 4.5.0 The host does not speak SMTP\r\n'
  // RFC 5321 §4.2.3: of a recipient that is taken. Haraka knows 250 only, and forgets the others.
  if (/^25[12]/.test(line)) return `250${line.slice(3)}`
  // Before the encryption that is required no refusal is for good; and refused EHLO, Haraka would go on with HELO and in clear.
  if (isExposed && line.startsWith('5')) return `4${line.slice(1).replace(/^(\d\d[ -])5(?=\.\d)/, '$14')}`
  return line
}
