import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dateOf, momentOf } from '../../src/pec/moment.js'

for (const [utc, day, hour, zone] of [
  ['2024-11-05T09:00:00.999Z', '05/11/2024', '10:00:00', '+0100'],
  ['2024-07-31T22:30:05Z', '01/08/2024', '00:30:05', '+0200'],
  ['2024-03-31T00:59:59Z', '31/03/2024', '01:59:59', '+0100'],
  ['2024-03-31T01:00:00Z', '31/03/2024', '03:00:00', '+0200'],
  ['2024-10-27T00:59:59Z', '27/10/2024', '02:59:59', '+0200'],
  ['2024-10-27T01:00:00Z', '27/10/2024', '02:00:00', '+0100'],
  ['2023-12-31T23:00:00Z', '01/01/2024', '00:00:00', '+0100'],
] as const) {
  test(`${utc} is ${day} ${hour} ${zone} in Italy`, () => {
    const moment = momentOf(new Date(utc))
    assert.deepEqual([moment.day, moment.hour, moment.zone], [day, hour, zone])
  })
}

test('a Date field gives day of the week, day, month and zone', () => {
  assert.equal(momentOf(new Date('2024-11-05T09:00:00Z')).rfc5322, 'Tue, 05 Nov 2024 10:00:00 +0100')
})

test('every way of writing a moment tells the same whole second', () => {
  const dates = fc.date({ min: new Date('1980-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  fc.assert(
    fc.property(dates, (date) => {
      const moment = momentOf(date)
      const second = Math.floor(date.getTime() / 1000) * 1000
      assert.equal(moment.date.getTime(), second)
      assert.equal(dateOf(moment)?.getTime(), second)
      assert.equal(Date.parse(moment.rfc5322), second)
    }),
  )
})

test('a zone with a colon is read, as RFC 6109 §4.2 prints it', () => {
  assert.deepEqual(dateOf({ day: '05/11/2024', hour: '10:00:00', zone: '+01:00' }), new Date('2024-11-05T09:00:00Z'))
})

test('strings that are no date tell none', () => {
  for (const [day, hour, zone] of [
    ['31/04/2024', '10:00:00', '+0100'],
    ['00/01/2024', '10:00:00', '+0100'],
    ['01/13/2024', '10:00:00', '+0100'],
    ['5/11/2024', '10:00:00', '+0100'],
    ['05/11/2024', '25:00:00', '+0100'],
    ['05/11/2024', '10:00', '+0100'],
    ['05/11/2024', '10:00:00', 'CET'],
    ['05/11/2024', '10:00:00', '+0199'],
  ] as const) {
    assert.equal(dateOf({ day, hour, zone }), undefined, `${day} ${hour} ${zone}`)
  }
})
