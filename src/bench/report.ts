/** What one run of the benchmark found, as JSON for machines and as text for people. */
import { cpus } from 'node:os'
import type { CryptographyFigures } from './cryptography.js'
import type { Milestone } from './exchange.js'
import { median, rounded } from './figures.js'
import type { ManyRecipientsFigures } from './many-recipients.js'
import type { MemoryFigures } from './memory.js'
import type { Throughput } from './throughput.js'
import type { TokenFigures } from './tokens.js'

/** Throughput of one system with messages of one size and so many workers. */
export interface Cell {
  readonly system: 'plain' | 'gateway'
  readonly size: string
  readonly workers: number
  readonly figures: Throughput
}

export interface Findings {
  readonly quick: boolean
  readonly cryptography: CryptographyFigures | undefined
  readonly tokens: TokenFigures | undefined
  readonly cells: readonly Cell[]
  readonly memory: { readonly plain?: MemoryFigures; readonly gateway?: MemoryFigures }
  readonly manyRecipients: ManyRecipientsFigures | undefined
}

type Json = Record<string, unknown>

const PEOPLE: Readonly<Record<Milestone, string>> = {
  accepted: '250',
  message: 'in mailbox',
  acceptance: 'acceptance',
  receipt: 'delivery rcpt',
}

/** The figures under stable names; those that were not measured are missing. */
export function toJson(findings: Findings): Json {
  const { cryptography, memory, manyRecipients } = findings
  return {
    machine: machine(),
    quick: findings.quick,
    rawRsaCpuMs: figure(cryptography?.rawRsaMs),
    signatureCpuMs: figure(cryptography?.signatureMs),
    signatureOverRawRsa: figure(cryptography?.signatureOverRawRsa),
    verifyCpuMs: figure(cryptography?.verificationMs),
    tokenSignaturesOverFile: figure(findings.tokens?.tokenOverFile),
    cpuOverPlainHop20k: figure(cpuOverPlain(findings.cells, '20k')),
    cpuOverPlainHop1m: figure(cpuOverPlain(findings.cells, '1m')),
    memory30mOverPlainMb: figure(memory.gateway && memory.plain && memory.gateway.peakMb - memory.plain.peakMb),
    memory30mMb: { plain: memory.plain, gateway: memory.gateway },
    envelopesTo500Recipients: manyRecipients?.envelopes,
    cpuMsTo500Recipients: figure(manyRecipients?.cpuMs),
    messagesPerSecond: perCell(findings.cells, ({ messagesPerSecond }) => rounded(messagesPerSecond)),
    cpuMsPerMessage: perCell(findings.cells, ({ cpuMsPerMessage }) => rounded(cpuMsPerMessage)),
    peakMb: perCell(findings.cells, ({ peakMb }) => rounded(peakMb)),
    latencyMs: perCell(findings.cells, ({ latencies }) =>
      Object.fromEntries(
        Object.entries(latencies).map(([milestone, { p50, p99 }]) => [milestone, { p50: rounded(p50), p99: rounded(p99) }]),
      ),
    ),
  }
}

/** The same as lines for a terminal. */
export function toText(findings: Findings): string {
  const { cryptography, memory, manyRecipients } = findings
  const lines = [machine(), '', ...throughputTable(findings.cells)]
  for (const size of ['20k', '1m']) {
    const ratio = cpuOverPlain(findings.cells, size)
    if (ratio !== undefined) lines.push(`CPU over one plain hop, ${size}, 1 worker: ${rounded(ratio)}`)
  }
  if (cryptography !== undefined) {
    const { rawRsaMs, signatureMs, verificationMs, signatureOverRawRsa } = cryptography
    lines.push(
      `CPU ms at 20 KiB: raw RSA-2048 ${rounded(rawRsaMs)}, signature ${rounded(signatureMs)} ` +
        `(${rounded(signatureOverRawRsa)} times raw), verification ${rounded(verificationMs)}`,
    )
  }
  if (findings.tokens !== undefined) {
    const { filePerSecond, tokenPerSecond, tokenOverFile } = findings.tokens
    lines.push(
      `signatures a second: key in a file ${Math.round(filePerSecond)}, in a SoftHSM2 token ${Math.round(tokenPerSecond)} ` +
        `(${rounded(tokenOverFile)} times)`,
    )
  }
  for (const [system, figures] of Object.entries(memory)) {
    const { idleMb, peakMb } = figures
    lines.push(`30 MB message, ${system}: peak ${rounded(peakMb)} MB, idle before ${rounded(idleMb)} MB`)
  }
  if (manyRecipients !== undefined) {
    const { recipients, envelopes, cpuMs, elapsedMs } = manyRecipients
    lines.push(
      `${recipients} recipients of one domain: ${envelopes} envelope(s), ${rounded(cpuMs)} CPU ms in ${rounded(elapsedMs)} ms`,
    )
  }
  return `${lines.join('\n')}\n`
}

/** How much more CPU a certified message takes than a plain one, both with one worker: the median over the rounds. */
function cpuOverPlain(cells: readonly Cell[], size: string): number | undefined {
  const of = (system: Cell['system']) => cells.find((cell) => cell.system === system && cell.size === size && cell.workers === 1)
  const [plain, gateway] = [of('plain'), of('gateway')]
  if (plain === undefined || gateway === undefined) return undefined
  return median(gateway.figures.cpuOfRounds.map((cpu, round) => cpu / (plain.figures.cpuOfRounds[round] ?? NaN)))
}

function throughputTable(cells: readonly Cell[]): string[] {
  const head = ['system', 'size', 'workers', 'msg/s', 'CPU ms/msg', 'peak MB', 'latency at half that rate, p50/p99 ms']
  const rows = cells.map(({ system, size, workers, figures }) => [
    system,
    size,
    String(workers),
    String(rounded(figures.messagesPerSecond)),
    String(rounded(figures.cpuMsPerMessage)),
    String(rounded(figures.peakMb)),
    Object.entries(figures.latencies)
      .map(([milestone, { p50, p99 }]) => `${PEOPLE[milestone as Milestone]} ${rounded(p50)}/${rounded(p99)}`)
      .join(', '),
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return cells.length === 0 ? [] : [line(head), ...rows.map(line), '']
}

/** Keyed as `20k-1` for the gateway and `plain-20k-1` for plain Haraka. */
function perCell(cells: readonly Cell[], value: (figures: Throughput) => unknown): Json {
  const key = ({ system, size, workers }: Cell) => `${system === 'plain' ? 'plain-' : ''}${size}-${workers}`
  return Object.fromEntries(cells.map((cell) => [key(cell), value(cell.figures)]))
}

function figure(value: number | undefined): number | undefined {
  return value === undefined ? undefined : rounded(value)
}

/** What it was measured on. */
export function machine(): string {
  return `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`
}
