"""An invented city and a simulated morning, so that anybody can watch Gatepost work. Invented people only."""
