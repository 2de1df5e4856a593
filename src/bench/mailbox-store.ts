/** The LMTP end of the benchmark: takes everything, and notes which milestone of which message each arrival is. */
import { startSink, type Sink, type SinkMessage } from '../lab/sink.js'
import type { ExchangeLog, Milestone } from './exchange.js'

// Room for a header with a thousand recipients.
const HEADER_BYTES = 64 * 1024

const RECEIPTS: Readonly<Record<string, Milestone>> = { accettazione: 'acceptance', 'avvenuta-consegna': 'receipt' }
const REFUSALS: readonly string[] = ['non-accettazione', 'errore-consegna']

/** Starts the sink. `seen`, if given, is told of every arrival too. */
export function startMailboxStore(log: ExchangeLog, seen?: (message: SinkMessage) => void): Promise<Sink> {
  const onMessage = (message: SinkMessage) => {
    seen?.(message)
    const header = headerOf(message)
    const id = field(header, 'X-Riferimento-Message-ID') ?? field(header, 'Message-ID')
    if (id === undefined) return
    const receipt = field(header, 'X-Ricevuta')
    const milestone = receipt === undefined ? 'message' : RECEIPTS[receipt]
    if (milestone !== undefined) log.reach(id, milestone, message.receivedAt)
    else if (receipt !== undefined && REFUSALS.includes(receipt)) log.refuse(id, receipt)
  }
  return startSink({ protocol: 'lmtp', keepBytes: HEADER_BYTES, onMessage })
}

/** The message's header, one character per byte, with a line end in front of each field. */
export function headerOf(message: SinkMessage): string {
  const end = message.bytes.indexOf('\r\n\r\n')
  return `\r\n${message.bytes.toString('latin1', 0, end < 0 ? HEADER_BYTES : end + 2)}`
}

/** The value of a header field that is short enough not to be folded, or is folded after its name. */
export function field(header: string, name: string): string | undefined {
  const at = header.toLowerCase().indexOf(`\r\n${name.toLowerCase()}:`)
  if (at < 0) return undefined
  const value = header.slice(at + name.length + 3)
  return value.slice(0, value.search(/\r\n(?![ \t])/)).trim()
}
