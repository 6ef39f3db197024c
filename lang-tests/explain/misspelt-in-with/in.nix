with { hello = 1; curl = 2; }; [ helo curl ]
