// What a person reads who must present an extract: a judge, a lawyer, the sender himself.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { readCertification, writeCertification, type CertificationData } from '../../src/pec/certification.js'
import type { ExtractedEvent, Extraction } from '../../src/retrieval/extraction.js'
import { pdfOf } from '../../src/retrieval/summary-pdf.js'
import { summaryOf, textOf } from '../../src/retrieval/summary.js'
import type { SealedEvent } from '../../src/retrieval/sealed-events.js'
import type { RetrievedEvent } from '../../src/retrieval/source.js'
import { eventOf } from '../ledger/entries.js'
import { certificationOf } from './certification.js'

// The night in which clocks are put forward in Italy.
const AT = new Date('2026-03-29T00:59:59Z')
const HOUR_MS = 3_600_000

function eventAt(hours: number, facts: Partial<RetrievedEvent>, data?: CertificationData): ExtractedEvent {
  const event = eventOf(facts.identifier ?? 'opec1@a.example', facts)
  return {
    event: { ...event, id: hours, at: new Date(AT.getTime() + hours * HOUR_MS), evidence: () => Promise.resolve(event) },
    proof: { daticert: undefined, signature: undefined },
    checked: { data, signature: undefined, findings: [] },
    sealed: undefined,
    files: { daticert: undefined, signature: undefined },
  }
}

function extractionOf(events: readonly ExtractedEvent[], query: Extraction['request']['query'] = {}): Extraction {
  const identifiers = [...new Set(events.map(({ event }) => event.identifier))]
  return {
    request: { requestedBy: 'Procura di Forlì', query, at: AT },
    ...{ provider: 'Provider A', source: 'archives', events, seals: new Map() },
    messages: identifiers.map((identifier) => ({
      ...{ identifier, message: undefined },
      events: events.filter(({ event }) => event.identifier === identifier),
    })),
  }
}

async function pagesOf(t: TestContext, pdf: Buffer): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pec-summary-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'x.pdf'), pdf)
  const { stdout } = await promisify(execFile)('pdftotext', ['-layout', join(folder, 'x.pdf'), '-'])
  return stdout.split('\f').slice(0, -1)
}

test('what has left the database is told by its events: subject, certified time, recipient and error', () => {
  const verdict = readCertification(certificationOf('opec1@a.example', '<1@client.example>'))
  assert.ok(verdict.ok)
  const data = { ...verdict.data, kind: 'non-delivery', error: 'no-recipient', delivery: 'bob@b.example' } as const
  const told = { ...data, errorDetail: '5.1.1 - Provider B - indirizzo non valido' }
  assert.ok(readCertification(writeCertification(told)).ok)
  const text = textOf(summaryOf(extractionOf([eventAt(0, { type: 'non-delivery', subject: 'Perché no' }, told)])))
  assert.match(text, /^Oggetto: Perché no\r$/m)
  assert.match(text, /certificano: errore-consegna di Provider A, 02\/03\/2026 12:00:00 \+0100, per bob@b\.example\r/)
  assert.match(text, /errore certificato: no-dest, 5\.1\.1 - Provider B - indirizzo non valido\r/)
})

test('times are legal ones, criteria and outcomes in Italian, and nothing stands there that is not known', () => {
  const purge = eventAt(1, {
    ...{ type: 'purge', identifier: '', sender: '', recipients: [], outcome: '3 events' },
    provider: '',
    messageId: '',
  })
  const events = [eventAt(0, { outcome: 'issued' }), purge]
  const text = textOf(summaryOf(extractionOf(events, { type: 'delivery', from: AT })))
  assert.match(text, /Criteri: evento emessa la ricevuta di avvenuta consegna; dal 29\/03\/2026 01:59:59 \+0100\r/)
  assert.match(text, /Trovati: 2 eventi, 1 messaggio\r/)
  assert.match(text, /29\/03\/2026 01:59:59 \+0100: emessa la ricevuta di accettazione\r\n[^]*esito nel registro: emesso\r/)
  assert.match(
    text,
    /29\/03\/2026 03:59:59 \+0200: eliminato al termine .*\r\n {4}esito nel registro: «3 events»\r\n {4}oggetto: Perché no\?\r\n\r/,
  )
})

test('a subject that would hide or turn around what follows it does not', async (t) => {
  const subject = `Fattura \u202Egnp.exe\u200b ${'molto lunga '.repeat(50)}${'Z'.repeat(900)} Ελλάδα`
  const blocks = summaryOf(extractionOf([eventAt(0, { subject })]))
  assert.match(textOf(blocks), /Oggetto: Fattura \ufffdgnp\.exe\ufffd molto lunga/)
  const [page = ''] = await pagesOf(t, await pdfOf(blocks, AT))
  assert.match(page, /Fattura \?gnp\.exe\? molto lunga/)
  assert.equal(page.replace(/[^Z]/g, '').length, 900)
  assert.match(page, /sono sostituiti da «\?»: riepilogo\.txt li riporta/)
})

test('every page of the PDF tells its number, and no heading stands alone at the end of one', async (t) => {
  const recipients = Array.from({ length: 40 }, (_, index) => `recipient.${index}@b.example`)
  const events = Array.from({ length: 60 }, (_, hour) => eventAt(hour, { recipients: recipients.slice(hour % 40) }))
  const pages = await pagesOf(t, await pdfOf(summaryOf(extractionOf(events)), AT))
  assert.ok(pages.length > 4)
  for (const [index, page] of pages.entries()) {
    const lines = page
      .trimEnd()
      .split('\n')
      .filter((line) => line.trim() !== '')
    assert.match(lines.at(-1) ?? '', new RegExp(` - pagina ${index + 1} di ${pages.length}$`))
    assert.doesNotMatch(lines.at(-2) ?? '', /: emessa la ricevuta/)
  }
})

test('an event that is not what was sealed is told, and counted', () => {
  const sealed = (hour: number, as: SealedEvent['as']) => ({ ...eventAt(hour, {}), sealed: { day: '2026-03-29', as } })
  const events = [sealed(0, 'same'), sealed(1, 'different'), sealed(2, 'absent'), sealed(3, 'altered'), eventAt(4, {})]
  const text = textOf(summaryOf(extractionOf(events)))
  assert.match(text, /^Riscontro con gli archivi sigillati: 1 identici, 1 non ancora o non più in archivio\r$/m)
  assert.match(text, /^ATTENZIONE: anomalie in 3 eventi, indicate sotto\r$/m)
  assert.equal(text.match(/^ {4}ANOMALIA: /gm)?.length, 3)
})
