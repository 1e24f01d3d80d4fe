// Two taps choose two ends; what to type then is told.
const said = document.getElementById("chosen");
const sounds = [...document.querySelectorAll(".sound")];
let chosen = [];

function choose(sound) {
  chosen = chosen.length === 2 ? [sound] : [...chosen, sound];
  for (const one of sounds) one.classList.toggle("chosen", chosen.includes(one));
  const names = chosen.map((one) => one.getAttribute("aria-label"));
  const numbers = chosen.map((one) => one.dataset.number).join(" ");
  said.textContent = `A: ${names[0] ?? "\u2013"} \u00b7 B: ${names[1] ?? "\u2013"}`
    + (chosen.length === 2 ? ` \u00b7 taraf morph path ${said.dataset.model} ${numbers} --out morph.wav` : "");
}

for (const sound of sounds) {
  sound.addEventListener("click", () => choose(sound));
  sound.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(sound);
  });
}
