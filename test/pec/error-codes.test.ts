import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf, refusalOf, type FailureCause } from '../../src/pec/error-codes.js'

test('the causes of non-delivery have the codes of note 12', () => {
  const causes: readonly FailureCause[] = ['unknown-mailbox', 'unknown-domain', 'mailbox-disabled', 'mailbox-full', 'time-limit']
  assert.deepEqual(
    causes.map((cause) => Object.values<string>({ ...failureOf(cause, 'G\r\nS.p.A.') })),
    [
      ['no-recipient', '5.1.1 - G  S.p.A. - indirizzo non valido'],
      ['no-domain', '5.1.2 - G  S.p.A. - dominio inesistente'],
      ['other', '5.2.1 - G  S.p.A. - casella disabilitata'],
      ['other', '5.2.2 - G  S.p.A. - casella piena'],
      ['other', "5.4.1 - G  S.p.A. - il messaggio non è stato consegnato nelle 24 ore successive all'invio"],
    ],
  )
})

for (const [reply, error, detail] of [
  ['550 5.1.1 <x@y.test>: User unknown', 'no-recipient', '5.1.1 - G - <x@y.test>: User unknown'],
  ['550-5.1.2 no such domain', 'no-domain', '5.1.2 - G - no such domain'],
  ['5.7.1 not allowed', 'other', '5.7.1 - G - not allowed'],
  ['550 5.7.26 unauthenticated', 'other', '5.7.0 - G - unauthenticated'],
  ['554 go away\r\nX-Ricevuta: accettazione', 'other', '5.0.0 - G - 554 go away  X-Ricevuta: accettazione'],
  ['', 'other', '5.0.0 - G - messaggio rifiutato'],
] as const) {
  test(`the reply ${JSON.stringify(reply)} becomes ${detail}`, () => {
    assert.deepEqual(refusalOf(reply, 'G'), { error, errorDetail: detail })
  })
}

test('an endless reply is cut', () => assert.ok(refusalOf('x'.repeat(1e6), 'G').errorDetail.length < 600))
