/** The server's half of one SMTP or LMTP session. RFC 5321 §4.1, RFC 2033 */
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import type { Sink, Stage } from './sink.js'
import { Wire } from './wire.js'

interface Envelope {
  readonly from: string
  readonly parameters: string
  readonly to: string[]
}

const USUAL: Readonly<Record<Exclude<Stage, 'hello'>, string>> = {
  greeting: '220 sink.test ready',
  starttls: '220 2.0.0 go ahead',
  mail: '250 2.1.0 ok',
  rcpt: '250 2.1.5 ok',
  data: '354 go ahead',
  dot: '250 2.0.0 taken',
  rset: '250 2.0.0 ok',
  quit: '221 2.0.0 bye',
}

/** Serves a session to its end. Rejects with WireError when the connection goes away before QUIT. */
export async function converse(sink: Sink, number: number, wire: Wire): Promise<void> {
  const session = new Session(sink, number, wire)
  await session.run()
}

class Session {
  private readonly sink: Sink
  private readonly number: number
  private wire: Wire
  private hello = ''
  private secured = false
  private envelope: Envelope | undefined

  constructor(sink: Sink, number: number, wire: Wire) {
    this.sink = sink
    this.number = number
    this.wire = wire
  }

  async run(): Promise<void> {
    let open = await this.reply('greeting', '')
    while (open) open = await this.obey(await this.wire.readLine())
  }

  /** Carries out one command. Resolves to whether the session goes on. */
  private obey(line: string): Promise<boolean> {
    this.sink.commands.push(line)
    const [verb, rest] = split(line)
    switch (verb.toUpperCase()) {
      case 'HELO':
      case 'EHLO':
      case 'LHLO':
        this.hello = rest
        return this.reply('hello', rest)
      case 'STARTTLS':
        return this.startTls()
      case 'MAIL':
        return this.mail(rest)
      case 'RCPT':
        return this.rcpt(rest)
      case 'DATA':
        return this.data()
      case 'RSET':
        this.envelope = undefined
        return this.reply('rset', '')
      case 'NOOP':
        return this.say('250 2.0.0 ok')
      case 'QUIT':
        return this.quit()
      default:
        return this.say('500 5.5.2 what?')
    }
  }

  private async startTls(): Promise<boolean> {
    const { secureContext } = this.sink
    if (secureContext === undefined || this.secured) return this.say('503 5.5.1 no')
    if (!(await this.reply('starttls', ''))) return false
    this.wire = new Wire(new TLSSocket(this.wire.detach(), { isServer: true, secureContext }), 0)
    this.secured = true
    return true
  }

  private async mail(rest: string): Promise<boolean> {
    const { address, parameters } = path(rest)
    const reply = this.next('mail', address)
    if (isPositive(reply)) this.envelope = { from: address, parameters, to: [] }
    return this.sayAnswer(reply)
  }

  private async rcpt(rest: string): Promise<boolean> {
    if (this.envelope === undefined) return this.say('503 5.5.1 MAIL first')
    const { address } = path(rest)
    const reply = this.next('rcpt', address)
    if (isPositive(reply)) this.envelope.to.push(address)
    return this.sayAnswer(reply)
  }

  private async data(): Promise<boolean> {
    const envelope = this.envelope
    if (envelope === undefined || envelope.to.length === 0) return this.say('503 5.5.1 no valid recipients')
    const invitation = this.next('data', '')
    const open = await this.sayAnswer(invitation)
    if (!open || !textOf(invitation).startsWith('354')) return open
    this.envelope = undefined
    const { bytes, size } = await this.wire.readData(this.sink.options.keepBytes)
    const receivedAt = performance.now()
    const asked = this.sink.options.protocol === 'lmtp' ? envelope.to : ['']
    const answers = asked.map((recipient) => this.next('dot', recipient))
    this.sink.keep({
      session: this.number,
      hello: this.hello,
      from: envelope.from,
      mailParameters: envelope.parameters,
      to: envelope.to,
      accepted: envelope.to.filter((_, at) => isPositive(answers[asked.length === 1 ? 0 : at] ?? '')),
      bytes,
      wireSize: size,
      receivedAt,
      secured: this.secured,
    })
    for (const answer of answers) if (!(await this.sayAnswer(answer))) return false
    return true
  }

  private async quit(): Promise<boolean> {
    if (await this.reply('quit', '')) this.wire.end()
    return false
  }

  private next(stage: Exclude<Stage, 'hello'>, argument: string): Answered {
    return this.sink.answer(stage, argument, this.number) ?? USUAL[stage]
  }

  private reply(stage: Stage, argument: string): Promise<boolean> {
    const answer = this.sink.answer(stage, argument, this.number)
    return this.sayAnswer(answer ?? (stage === 'hello' ? this.capabilities() : USUAL[stage]))
  }

  private capabilities(): string {
    const starttls = this.sink.secureContext !== undefined && !this.secured ? ['250 STARTTLS'] : []
    return ['250 sink.test', '250 PIPELINING', '250 8BITMIME', '250 ENHANCEDSTATUSCODES', ...starttls].join('\n')
  }

  private async sayAnswer(answer: Answered): Promise<boolean> {
    if (typeof answer !== 'string') await sleep(answer.afterMs, undefined, { ref: false })
    return this.say(textOf(answer))
  }

  /** Sends a reply, all lines but the last with a hyphen after the code; or cuts the connection. */
  private say(reply: string): Promise<boolean> {
    if (reply === 'drop') {
      this.wire.destroy()
      return Promise.resolve(false)
    }
    const lines = reply.split('\n')
    const last = lines.length - 1
    this.wire.write(lines.map((line, at) => `${at < last ? `${line.slice(0, 3)}-${line.slice(4)}` : line}\r\n`).join(''))
    return Promise.resolve(true)
  }
}

type Answered = NonNullable<ReturnType<Sink['answer']>>

function textOf(answer: Answered): string {
  return typeof answer === 'string' ? answer : answer.reply
}

function isPositive(answer: Answered): boolean {
  return textOf(answer).startsWith('2')
}

function split(line: string): [string, string] {
  const at = line.indexOf(' ')
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)]
}

/** The address and the parameters in `FROM:<a@b> SIZE=1`. */
function path(rest: string): { readonly address: string; readonly parameters: string } {
  const start = rest.indexOf('<')
  const end = rest.indexOf('>', start)
  return { address: rest.slice(start + 1, end), parameters: rest.slice(end + 1).trim() }
}
