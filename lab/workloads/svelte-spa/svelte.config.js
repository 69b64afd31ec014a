// Plain JavaScript: nothing is to be preprocessed.
export default {};
