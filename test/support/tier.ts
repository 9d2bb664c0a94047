/** How much of a long sweep is measured: a part of it before a change lands, all of it at night. */

/** `npm run test:nightly`: sweeps are whole. */
export const NIGHTLY = process.env['MPTK_TEST_TIER'] === 'nightly'
