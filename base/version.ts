/** Version of this build; equal to package.json, which a test checks. */
export const sluiceVersion = '0.1.0';
